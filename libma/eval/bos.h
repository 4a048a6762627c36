// BOS profiles: whether a text gets a beginning-of-sequence token, and what
// stands before the first scored token. Part of every result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libma/io/tokenizer/tokenizer.h"

namespace ma {

/// A BOS moves every position by one, so no profile is ever assumed silently.
enum class BosProfile {
  kNoBos,        ///< "nobos": never
  kBos,          ///< "bos": always
  kLmEval2023,   ///< "lm-eval-2023": never; the prefix token is EOS
  kLmEvalCurrent ///< "lm-eval-current": the tokenizer's default, unless the
                 ///< text starts with the BOS already; the prefix token is BOS,
                 ///< else EOS (lm-evaluation-harness from 0.4.9.2)
};

/// "nobos", "bos", "lm-eval-2023" or "lm-eval-current".
std::string_view bos_profile_name(BosProfile profile);

/// The inverse. Throws UnknownNameError located at `where`.
BosProfile parse_bos_profile(const std::string& name, std::string_view where);

/// Whether `text` gets a BOS in front. Throws ConfigError when the profile
/// demands one and the tokenizer has none.
bool adds_bos(
    BosProfile profile, const Tokenizer& tokenizer, std::string_view text);

/// The id that stands before the first scored token of an empty context or a
/// rolling window. Throws ConfigError when the profile names none or the
/// tokenizer has none.
std::int64_t prefix_id(BosProfile profile, const Tokenizer& tokenizer);

} // namespace ma
