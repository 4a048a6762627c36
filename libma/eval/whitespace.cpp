// The 29 whitespace characters of Python's `str`, as UTF-8.
#include "libma/eval/whitespace.h"

#include <array>

namespace ma {
namespace {

using namespace std::string_view_literals;

constexpr std::array kSpaces = {"\t"sv,           "\n"sv,
                                "\v"sv,           "\f"sv,
                                "\r"sv,           "\x1c"sv,
                                "\x1d"sv,         "\x1e"sv,
                                "\x1f"sv,         " "sv,
                                "\xc2\x85"sv,     "\xc2\xa0"sv,
                                "\xe1\x9a\x80"sv, "\xe2\x80\x80"sv,
                                "\xe2\x80\x81"sv, "\xe2\x80\x82"sv,
                                "\xe2\x80\x83"sv, "\xe2\x80\x84"sv,
                                "\xe2\x80\x85"sv, "\xe2\x80\x86"sv,
                                "\xe2\x80\x87"sv, "\xe2\x80\x88"sv,
                                "\xe2\x80\x89"sv, "\xe2\x80\x8a"sv,
                                "\xe2\x80\xa8"sv, "\xe2\x80\xa9"sv,
                                "\xe2\x80\xaf"sv, "\xe2\x81\x9f"sv,
                                "\xe3\x80\x80"sv};

} // namespace

std::size_t leading_space(std::string_view text) {
  for (const auto space : kSpaces) {
    if (text.starts_with(space)) {
      return space.size();
    }
  }
  return 0;
}

std::size_t trailing_space(std::string_view text) {
  for (const auto space : kSpaces) {
    if (text.ends_with(space)) {
      return space.size();
    }
  }
  return 0;
}

std::string_view strip(std::string_view text) {
  while (const std::size_t size = leading_space(text)) {
    text.remove_prefix(size);
  }
  while (const std::size_t size = trailing_space(text)) {
    text.remove_suffix(size);
  }
  return text;
}

std::int64_t count_split_words(std::string_view text) {
  std::int64_t words = 1;
  bool in_space = false;
  while (!text.empty()) {
    const std::size_t size = leading_space(text);
    words += size > 0 && !in_space ? 1 : 0;
    in_space = size > 0;
    text.remove_prefix(size > 0 ? size : 1);
  }
  return words;
}

} // namespace ma
