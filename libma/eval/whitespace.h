// Python's whitespace (`str.isspace`, `\s` of `re`), which the published
// protocols are defined by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ma {

/// Bytes of the whitespace character that `text` starts with; 0 when it starts
/// with something else.
std::size_t leading_space(std::string_view text);

/// Bytes of the whitespace character that `text` ends with, or 0.
std::size_t trailing_space(std::string_view text);

/// `text.strip()`.
std::string_view strip(std::string_view text);

/// `len(re.split(r"\s+", text))`: runs of whitespace separate, also at the
/// ends.
std::int64_t count_split_words(std::string_view text);

} // namespace ma
