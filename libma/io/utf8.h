// UTF-8: is it valid, and how to show a name from an untrusted file in a
// one-line message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ma {

/// Position of the first byte that is not part of a valid UTF-8 sequence (no
/// surrogates, no overlong forms, at most U+10FFFF: Unicode 15, table 3-7), or
/// nothing when all of `text` is valid.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// `text` in single quotes, with control characters and invalid bytes as
/// `\xNN`, cut after about 80 bytes.
std::string in_quotes(std::string_view text);

} // namespace ma
