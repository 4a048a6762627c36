// GPT-2's byte alphabet: each byte as a letter that can be printed ("Ġ" for a
// space).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ma::tok {

/// The letter of `byte`, as UTF-8 (one or two bytes).
const std::string& byte_letter(unsigned char byte);

/// The bytes that `letters` spell, or nothing when one of its characters is no
/// byte's letter.
std::optional<std::string> bytes_of_letters(std::string_view letters);

} // namespace ma::tok
