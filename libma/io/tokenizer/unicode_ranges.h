// Character classes as ranges of code points, each with the Unicode version
// that the stage of `tokenizers` using it has.
#pragma once

#include <span>

namespace ma::tok {

/// Both ends included.
struct CodePointRange {
  char32_t first;
  char32_t last;
};

std::span<const CodePointRange>
letter_ranges(); ///< `\p{L}` of the regex engine (Unicode 16)
std::span<const CodePointRange>
number_ranges(); ///< `\p{N}` of the regex engine
std::span<const CodePointRange>
space_ranges(); ///< `\s` of the regex engine, White_Space everywhere else
std::span<const CodePointRange>
numeric_ranges(); ///< what the Digits pre-tokenizer calls a digit (Unicode 17)
std::span<const CodePointRange>
punctuation_ranges(); ///< what the Punctuation pre-tokenizer calls punctuation
                      ///< (Unicode 7, and ASCII)
std::span<const CodePointRange>
word_ranges(); ///< `\w` around added tokens that match single words only

std::span<const CodePointRange>
compatibility_ranges(); ///< what NFKD decomposes and NFD does not (Unicode 9)
std::span<const CodePointRange>
mark_ranges(); ///< what StripAccents removes (Unicode 9)

/// Characters `first`, `first + step`, ... `last` have the lower case `c +
/// delta`.
struct LowercaseRun {
  char32_t first;
  char32_t last;
  int step;
  int delta;
};
std::span<const LowercaseRun>
lowercase_runs(); ///< what Lowercase changes, U+0130 left out

} // namespace ma::tok
