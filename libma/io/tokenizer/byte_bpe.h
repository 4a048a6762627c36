// Byte-level byte-pair encoding (Sennrich et al. 2016; over bytes: Radford et
// al. 2019).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libma/io/tokenizer/token_model.h"

namespace ma::tok {

/// A vocabulary and its merges as tokenizer files hold them, tokens spelled in
/// byte letters ("Ġis").
struct BpeData {
  std::vector<std::pair<std::string, std::uint32_t>>
      vocab; ///< token and id; the last of two equal tokens counts
  std::vector<std::pair<std::string, std::string>> merges; ///< in order of rank
  bool ignore_merges = false; ///< a piece that is a token stays whole, whatever
                              ///< the merges would give
  std::optional<std::string> unknown_token; ///< stands for bytes without a
                                            ///< token; without it they vanish
  bool fuse_unknown = false; ///< neighbouring unknown bytes become one token
};

/// The model of `data`. Throws ConfigError, located at `where`, when a merge or
/// the unknown token is not in the vocabulary.
std::unique_ptr<TokenModel> make_byte_bpe(
    const BpeData& data, std::string_view where);

} // namespace ma::tok
