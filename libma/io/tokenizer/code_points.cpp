// Code points of UTF-8 texts, and lossy repair.
#include "libma/io/tokenizer/code_points.h"

#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

/// Length of what one U+FFFD replaces at the start of `rest`, which does not
/// start with a whole character: the longest beginning of one, or one byte.
std::size_t invalid_length(std::string_view rest) {
  const auto byte = [rest](std::size_t i) {
    return static_cast<unsigned char>(rest[i]);
  };
  const unsigned char lead = byte(0);
  if (lead < 0xE0 || lead > 0xF4 || rest.size() < 2) {
    return 1;
  }
  // No overlong forms (E0, F0), no surrogates (ED), nothing above U+10FFFF
  // (F4).
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) {
    return 1;
  }
  return lead >= 0xF0 && rest.size() > 2 && is_continuation(rest[2]) ? 3 : 2;
}

} // namespace

void append_utf8(std::string& text, char32_t code_point) {
  const auto tail = [&](int shift) {
    text += static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xC0 | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xE0 | code_point >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | code_point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (const auto invalid = first_invalid_utf8(bytes)) {
    text.append(bytes.substr(0, *invalid)).append("\uFFFD");
    bytes.remove_prefix(*invalid);
    bytes.remove_prefix(invalid_length(bytes));
  }
  return text.append(bytes);
}

} // namespace ma::tok
