// Rewriting regular expressions from Oniguruma's syntax, in which tokenizer
// files are written, to PCRE2's.
#pragma once

#include <string>
#include <string_view>

namespace ma::tok {

/// `pattern` for PCRE2 with options UTF, UCP, MULTILINE and newline LF.
/// `\p{L}`, `\p{N}` and `\s` become ranges of the Unicode version that Hugging
/// Face `tokenizers` has. Throws ConfigError, located at `where`, on syntax
/// that the two engines understand differently.
std::string to_pcre2(std::string_view pattern, std::string_view where);

} // namespace ma::tok
