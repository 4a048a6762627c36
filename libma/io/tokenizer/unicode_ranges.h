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

} // namespace ma::tok
