// Classes of tokens on which massive activations sit (Sun et al. 2024,
// section 2.2).
#pragma once

#include <cstdint>
#include <string_view>

#include "libma/hooks/hook_point.h"

namespace ma {

/// What stands at a position. Values are stored in int8 tensors.
enum class TokenClass : std::int8_t {
  kStart = 0,           ///< first real token of a row, whatever it is
  kStrongDelimiter = 1, ///< first "." or newline of a row after the start
  kDelimiter = 2,       ///< later ".", newline, and "'" and ","
  kWeakWord = 3,        ///< "and", "from", "of", "2" and their like
  kWord = 4,            ///< any other text
  kCls = 5,             ///< of images: the class token,
  kDistillation = 6,    ///< the distillation token,
  kPatch = 7,           ///< any patch,
  kRegister = 8,        ///< register 0; register k is kRegister + k
};

inline constexpr std::int64_t kMostRegisters = 64;
inline constexpr std::int64_t kTokenClasses = 8 + kMostRegisters;

/// "start", "strong_delimiter", "delimiter", "weak_word", "word", "cls",
/// "distillation", "patch", "register:0", ...
std::string_view token_class_name(TokenClass token_class);

/// The class of register `number`. Throws ConfigError when there are fewer.
TokenClass register_class(std::int64_t number);

/// The class that a token's text has wherever it stands: kStrongDelimiter,
/// kDelimiter, kWeakWord or kWord. Blanks around the text do not count, nor
/// does the case of ASCII letters.
TokenClass classify_text(std::string_view text);

/// The class of each position of `batch`: int8 [batch, pos] on the CPU, -1 at
/// padding. `table` is int8 [vocab] with the class of each token's text;
/// undefined means kWord for all. Throws ShapeError when an id is outside the
/// table.
torch::Tensor classify_tokens(
    const TokenBatch& batch, const torch::Tensor& table);

} // namespace ma
