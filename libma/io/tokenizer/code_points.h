// Code points of UTF-8 texts, and lossy repair.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ma::tok {

/// Number of bytes of the character whose first byte is `lead`; the text must
/// be valid UTF-8.
inline std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Whether `byte` continues a character rather than starting one.
inline bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The code point at `at`, which is moved behind it; the text must be valid
/// UTF-8.
inline char32_t next_code_point(const char*& at) {
  const auto byte = [&at](int i) {
    return static_cast<char32_t>(static_cast<unsigned char>(at[i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    at += 1;
    return lead;
  }
  if (lead < 0xE0) {
    const char32_t value = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    at += 2;
    return value;
  }
  if (lead < 0xF0) {
    const char32_t value =
        (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    at += 3;
    return value;
  }
  const char32_t value = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 |
                         (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  at += 4;
  return value;
}

/// Appends `code_point` to `text`.
void append_utf8(std::string& text, char32_t code_point);

/// `bytes` with each maximal invalid part replaced by U+FFFD (Unicode 3.9
/// "substitution of maximal subparts").
std::string replace_invalid_utf8(std::string_view bytes);

} // namespace ma::tok
