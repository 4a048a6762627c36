// Numbers as a paper prints them; independent of the locale.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "libma/core/table.h"

namespace ma {
namespace {

std::string to_chars(double value, std::chars_format format, int precision) {
  std::array<char, 512>
      buffer{}; // the largest double has 309 digits before the point
  const auto last = buffer.data() + buffer.size();
  const auto end =
      std::to_chars(buffer.data(), last, value, format, precision).ptr;
  return std::string(buffer.data(), end);
}

/// 1234567.5 -> 1,234,567.5
std::string separate_thousands(std::string digits) {
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  const auto point = std::min(digits.find('.'), digits.size());
  for (auto i = point; i > first + 3; i -= 3) {
    digits.insert(i - 3, 1, ',');
  }
  return digits;
}

/// Decimal exponent of `value` once rounded to `digits` significant
/// digits: 9.99996 -> 1 for five.
int exponent_of(double value, int digits) {
  const auto text = to_chars(value, std::chars_format::scientific, digits - 1);
  const char* begin = text.data() + text.find('e') + 1;
  int exponent = 0;
  std::from_chars(
      *begin == '+' ? begin + 1 : begin, text.data() + text.size(), exponent);
  return exponent;
}

} // namespace

std::string format_number(double value, NumberStyle style, int digits) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  if (style == NumberStyle::kPlain) {
    return to_chars(value, std::chars_format::fixed, /*precision=*/0);
  }
  constexpr double kLargest =
      1e15; // longer numbers are not read digit by digit
  if (style == NumberStyle::kDecimals && std::abs(value) < kLargest) {
    return separate_thousands(
        to_chars(value, std::chars_format::fixed, digits));
  }
  if (value == 0) {
    return "0";
  }
  const int exponent = exponent_of(value, digits);
  if (exponent < -4 || std::abs(value) >= kLargest) {
    return to_chars(
        value, std::chars_format::scientific, std::max(digits - 1, 1));
  }
  return separate_thousands(to_chars(
      value, std::chars_format::fixed, std::max(digits - 1 - exponent, 0)));
}

std::string format_count(std::int64_t value, NumberStyle style) {
  auto digits = std::to_string(value);
  return style == NumberStyle::kPlain ? digits
                                      : separate_thousands(std::move(digits));
}

} // namespace ma
