// Base64 (RFC 4648, section 4).
#include "libma/io/base64.h"

#include <cstdint>

#include "libma/core/error.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

/// The value of a digit, -1 for other characters.
int digit(char c) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

} // namespace

std::string decode_base64(std::string_view text, std::string_view where) {
  std::string_view digits = text;
  while (!digits.empty() && digits.back() == '=' &&
         text.size() - digits.size() < 2) {
    digits.remove_suffix(1);
  }
  std::string bytes;
  bytes.reserve(digits.size() * 3 / 4);
  std::uint32_t bits = 0;
  int n_bits = 0;
  bool valid = digits.size() % 4 != 1;
  for (const char c : digits) {
    const int value = digit(c);
    valid = valid && value >= 0;
    bits = bits << 6 | static_cast<std::uint32_t>(value & 63);
    n_bits += 6;
    if (n_bits >= 8) {
      n_bits -= 8;
      bytes += static_cast<char>(bits >> n_bits & 0xFF);
    }
  }
  if (!valid) {
    throw FileError(
        where, "holds " + in_quotes(text) + ", which is not base64");
  }
  return bytes;
}

} // namespace ma
