// The unigram language model of SentencePiece (Kudo 2018): the segmentation of
// highest total score.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libma/io/tokenizer/token_model.h"

namespace ma::tok {

struct UnigramData {
  std::vector<std::pair<std::string, double>>
      vocab; ///< token and score (log-probability, no unit) by id
  std::optional<std::uint32_t> unknown; ///< its id
  bool byte_fallback = false; ///< unknown text becomes its bytes, "<0x41>"
};

/// The model of `data`. Throws ConfigError, located at `where`, when `unknown`
/// is no id. Its `tokenize` throws Error on text that needs the unknown token
/// where there is none.
std::unique_ptr<TokenModel> make_unigram(
    const UnigramData& data, std::string_view where);

} // namespace ma::tok
