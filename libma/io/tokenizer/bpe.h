// Byte-pair encoding (Sennrich et al. 2016), over bytes (Radford et al. 2019)
// or over characters (SentencePiece).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libma/io/tokenizer/merge_symbols.h"
#include "libma/io/tokenizer/token_model.h"

namespace ma::tok {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class Value>
using StringMap =
    std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// `left right` becomes one token; the lowest rank first, the leftmost of equal
/// ranks.
struct BpeMerge {
  std::string left;
  std::string right;
  std::uint32_t rank;
};

/// A vocabulary and its merges as tokenizer files hold them.
struct BpeData {
  std::vector<std::pair<std::string, std::uint32_t>>
      vocab; ///< token and id; the last of two equal tokens counts
  std::vector<BpeMerge> merges; ///< the last of two equal pairs counts
  bool ignore_merges = false;   ///< a piece that is a token stays whole,
                                ///< whatever the merges would give
  bool byte_fallback =
      false; ///< a character without a token becomes its bytes,
             ///< "<0x41>"
  std::optional<std::string> unknown_token; ///< stands for what has no token;
                                            ///< without it that vanishes
  bool fuse_unknown = false; ///< neighbouring unknowns become one token
  std::string word_end = {}; ///< spelled behind the last byte of each piece
                             ///< ("</w>", CLIP); over bytes alone
};

/// Adds the merges that make each token of `vocab` out of two others, ranked
/// as `rank_of` (by index in `vocab`) ranks the results; a token without rank
/// results from nothing.
void add_merges_by_rank(
    BpeData& data, const std::vector<std::optional<std::uint32_t>>& rank_of);

/// What both models look up.
struct BpeTables {
  BpeTables(const BpeData& data, std::string_view where);

  StringMap<std::uint32_t> ids; ///< by token
  std::optional<std::uint32_t> unknown;
  MergeTable merges;
};

/// Bytes in, tokens spelled in byte letters ("Ġis"). Both throw ConfigError,
/// located at `where`, when a merge or the unknown token is not in the
/// vocabulary.
std::unique_ptr<TokenModel> make_byte_bpe(
    const BpeData& data, std::string_view where);

/// Characters in, tokens spelled as they are.
std::unique_ptr<TokenModel> make_char_bpe(
    const BpeData& data, std::string_view where);

/// The token of `byte` in a vocabulary with byte fallback: "<0x41>".
std::string byte_token(unsigned char byte);

} // namespace ma::tok
