// Classes of tokens on which massive activations sit (Sun et al. 2024,
// section 2.2).
#pragma once

#include <cstdint>
#include <string_view>

namespace ma {

/// What stands at a position. Values are stored in int8 tensors.
enum class TokenClass : std::int8_t {
  kStart = 0,           ///< first real token of a row, whatever it is
  kStrongDelimiter = 1, ///< first "." or newline of a row
  kDelimiter = 2,       ///< later ".", newline, and "'" and ","
  kWeakWord = 3,        ///< "and", "from", "of", "2" and their like
  kWord = 4,            ///< anything else
};

inline constexpr std::int64_t kTokenClasses = 5;

/// "start", "strong_delimiter", "delimiter", "weak_word", "word".
std::string_view token_class_name(TokenClass token_class);

} // namespace ma
