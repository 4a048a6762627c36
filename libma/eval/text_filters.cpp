// Text to text, exactly as the published prompts are made.
#include "libma/eval/text_filters.h"

#include <string_view>

#include "libma/core/error.h"
#include "libma/core/registry.h"
#include "libma/eval/unicode_case.h"
#include "libma/eval/whitespace.h"

namespace ma {
namespace {

/// `text.replace(from, to)`: one pass, from the left.
std::string replace_all(
    std::string_view text, std::string_view from, std::string_view to) {
  std::string replaced;
  for (;;) {
    const auto at = text.find(from);
    replaced += text.substr(0, at);
    if (at == std::string_view::npos) {
      return replaced;
    }
    replaced += to;
    text.remove_prefix(at + from.size());
  }
}

/// `re.sub(r"\[.*?\]", "", text)`; a dot matches no newline.
std::string remove_brackets(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const auto close = text.find_first_of("]\n", 1);
    if (text.front() == '[' && close != std::string_view::npos &&
        text[close] == ']') {
      text.remove_prefix(close + 1);
    } else {
      kept += text.front();
      text.remove_prefix(1);
    }
  }
  return kept;
}

std::string hellaswag(const std::string& text, const std::string&) {
  return replace_all(
      remove_brackets(replace_all(strip(text), " [title]", ". ")), "  ", " ");
}

std::string left_strip(const std::string& text, const std::string&) {
  std::string_view rest = text;
  while (const auto space = leading_space(rest)) {
    rest.remove_prefix(space);
  }
  return std::string(rest);
}

std::string drop_last(const std::string& text, const std::string&) {
  auto end = text.size();
  bool is_inside = end > 0; // a code point
  while (is_inside) {
    --end;
    is_inside =
        end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U;
  }
  return text.substr(0, end);
}

std::size_t find_blank(const std::string& text, const std::string& where) {
  const auto at = text.find('_');
  if (at == std::string::npos) {
    throw FileError(where, "the sentence has no blank '_' to fill");
  }
  return at;
}

std::string all_but_last_word(const std::string& text, const std::string&) {
  const auto space = text.rfind(' ');
  return space == std::string::npos ? "" : text.substr(0, space);
}

std::string last_word(const std::string& text, const std::string&) {
  return text.substr(text.rfind(' ') + 1);
}

Registry<TextFilter> make_registry() {
  using Text = const std::string&;
  Registry<TextFilter> filters("filter");
  filters.add(
      "strip", [](Text text, Text) { return std::string(strip(text)); });
  filters.add("lstrip", left_strip);
  filters.add("capitalize", [](Text text, Text) { return capitalize(text); });
  filters.add("lower_first", [](Text text, Text) { return lower_first(text); });
  filters.add("drop_last", drop_last);
  filters.add(
      "spaces", [](Text text, Text) { return replace_all(text, "_", " "); });
  filters.add("all_but_last_word", all_but_last_word);
  filters.add("last_word", last_word);
  filters.add("before_blank", [](Text text, Text where) {
    return text.substr(0, find_blank(text, where));
  });
  filters.add("after_blank", [](Text text, Text where) {
    return text.substr(find_blank(text, where) + 1);
  });
  filters.add("hellaswag", hellaswag);
  return filters;
}

} // namespace

TextFilter find_text_filter(const std::string& name, const std::string& where) {
  static const Registry<TextFilter> filters = make_registry();
  return filters.get(name, where);
}

} // namespace ma
