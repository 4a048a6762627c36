// Base64 (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace ma {

/// The bytes that `text` encodes, with or without padding. Throws FileError,
/// located at `where`, when it is not base64.
std::string decode_base64(std::string_view text, std::string_view where);

} // namespace ma
