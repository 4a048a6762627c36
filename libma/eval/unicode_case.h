// Python's `str.capitalize`, which published prompts are made with.
#pragma once

#include <string>
#include <string_view>

namespace ma {

/// `text.capitalize()`: the first character in title case, all others in lower
/// case (Unicode's full mappings, SpecialCasing.txt). `text` is UTF-8.
std::string capitalize(std::string_view text);

/// The first character in lower case, the rest as it is.
std::string lower_first(std::string_view text);

} // namespace ma
