// UTF-8: decoding, validation and lossy repair.
#include "libma/io/tokenizer/utf8.h"

#include <cstdint>
#include <cstring>

namespace ma::tok {
namespace {

/// What follows a lead byte: how many bytes, and the bounds of the first of them (Unicode table 3-7).
struct LeadByte {
  std::size_t continuation_bytes = 0;  ///< 0 when no character starts with this byte
  unsigned char lowest = 0x80;
  unsigned char highest = 0xBF;
};

LeadByte lead_byte(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) {
    return {.continuation_bytes = 1};
  }
  if (byte >= 0xE0 && byte <= 0xEF) {
    // No overlong forms, no surrogates.
    return {2, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80), static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte >= 0xF0 && byte <= 0xF4) {
    // No overlong forms, nothing above U+10FFFF.
    return {3, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80), static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {};
}

/// One step through a text: `bytes` of it, a character or the longest beginning of one.
struct Step {
  std::size_t bytes;
  bool valid;
};

Step step(std::string_view rest) {
  const auto byte = [rest](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  if (byte(0) < 0x80) {
    return {1, true};
  }
  const LeadByte lead = lead_byte(byte(0));
  if (lead.continuation_bytes == 0) {
    return {1, false};
  }
  for (std::size_t i = 1; i <= lead.continuation_bytes; ++i) {
    const unsigned char lowest = i == 1 ? lead.lowest : 0x80;
    const unsigned char highest = i == 1 ? lead.highest : 0xBF;
    if (i >= rest.size() || byte(i) < lowest || byte(i) > highest) {
      return {i, false};
    }
  }
  return {lead.continuation_bytes + 1, true};
}

}  // namespace

void append_utf8(std::string& text, char32_t code_point) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
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

std::size_t first_invalid_utf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    if (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & kHighBits) == 0) {  // eight ASCII characters at once
        at += sizeof(word);
        continue;
      }
    }
    const Step character = step(text.substr(at));
    if (!character.valid) {
      return at;
    }
    at += character.bytes;
  }
  return at;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t valid = first_invalid_utf8(bytes);
    text.append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (!bytes.empty()) {
      text += "\uFFFD";
      bytes.remove_prefix(step(bytes).bytes);
    }
  }
  return text;
}

}  // namespace ma::tok
