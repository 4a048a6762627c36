// Rewriting regular expressions from Oniguruma's syntax to PCRE2's.
#include "libma/io/tokenizer/regex_syntax.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <span>
#include <vector>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/unicode_ranges.h"

namespace ma::tok {
namespace {

constexpr char32_t kLastCodePoint = 0x10FFFF;

std::string hex_range(char32_t first, char32_t last) {
  std::array<char, 32> text{};
  std::snprintf(
      text.data(),
      text.size(),
      "\\x{%X}-\\x{%X}",
      static_cast<unsigned>(first),
      static_cast<unsigned>(last));
  return text.data();
}

/// What stands between the brackets for `ranges`, or for everything else.
std::string class_items(std::span<const CodePointRange> ranges, bool negated) {
  std::string items;
  char32_t next = 0;
  for (const CodePointRange& range : ranges) {
    if (!negated) {
      items += hex_range(range.first, range.last);
    } else if (range.first > next) {
      items += hex_range(next, range.first - 1);
    }
    next = range.last + 1;
  }
  return negated ? items + hex_range(next, kLastCodePoint) : items;
}

/// `\w` of the regex engine: that of the added tokens without the two joiners.
std::span<const CodePointRange> regex_word_ranges() {
  static const std::vector<CodePointRange> ranges = [] {
    std::vector<CodePointRange> kept;
    for (const CodePointRange& range : word_ranges()) {
      if (range.first != 0x200C) {
        kept.push_back(range);
      }
    }
    return kept;
  }();
  return ranges;
}

class Rewriter {
 public:
  Rewriter(std::string_view pattern, std::string_view where)
      : pattern_(pattern), where_(where) {}

  std::string rewrite() {
    while (!done()) {
      switch (peek()) {
        case '\\':
          out_ += escape(/*in_class=*/false);
          break;
        case '[':
          out_ += '[' + char_class() + ']';
          break;
        case '(':
          group();
          break;
        case '{':
          repetition();
          break;
        default:
          out_ += take();
      }
    }
    return out_;
  }

 private:
  bool done() const { return at_ == pattern_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  char take() { return pattern_[at_++]; }

  bool accept(std::string_view text) {
    const bool here = pattern_.substr(at_).starts_with(text);
    at_ += here ? text.size() : 0;
    return here;
  }

  [[noreturn]] void refuse(std::string_view what) const {
    throw ConfigError(
        where_,
        c10::str(
            "the regular expression '",
            pattern_,
            "' uses ",
            what,
            ", which is not supported; known are classes,",
            " properties, groups, look-around, alternation and greedy, lazy or "
            "possessive quantifiers"));
  }

  /// An escape; inside a class only what may stand between brackets.
  std::string escape(bool in_class) {
    ++at_;
    const char kind = done() ? '\0' : take();
    const auto bracketed = [in_class](const std::string& items) {
      return in_class ? items : '[' + items + ']';
    };
    switch (kind) {
      case 'p':
      case 'P':
        return property(kind == 'P', in_class);
      case 's':
      case 'S':
        return bracketed(class_items(space_ranges(), kind == 'S'));
      case 'd':
        return "\\p{Nd}";
      case 'D':
        return "\\P{Nd}";
      case 'w':
      case 'W':
        return bracketed(class_items(regex_word_ranges(), kind == 'W'));
      case 'v':
        return "\\x0B";
      case 'u':
        return c10::str("\\x{", hex_digits(4), "}");
      default:
        break;
    }
    const bool plain =
        std::ispunct(static_cast<unsigned char>(kind)) != 0 || kind == ' ';
    const bool shared =
        std::string_view("rntfaex").find(kind) != std::string_view::npos;
    const bool anchor = !in_class && std::string_view("AzZ").find(kind) !=
                                         std::string_view::npos;
    if (kind == '\0' || !(plain || shared || anchor)) {
      refuse(c10::str("\\", kind));
    }
    return {'\\', kind};
  }

  std::string hex_digits(std::size_t count) {
    std::string digits;
    while (digits.size() < count &&
           std::isxdigit(static_cast<unsigned char>(peek())) != 0) {
      digits += take();
    }
    return digits.size() == count ? digits
                                  : (refuse("a malformed \\u"), digits);
  }

  std::string property(bool negated, bool in_class) {
    const std::size_t close = pattern_.find('}', at_);
    if (peek() != '{' || close == std::string_view::npos) {
      refuse("a property without braces");
    }
    ++at_;
    negated = accept("^") ? !negated : negated;
    const std::string name(pattern_.substr(at_, close - at_));
    at_ = close + 1;
    if (name != "L" && name != "N") {
      return c10::str(negated ? "\\P{" : "\\p{", name, "}");
    }
    const std::string items =
        class_items(name == "L" ? letter_ranges() : number_ranges(), negated);
    return in_class ? items : '[' + items + ']';
  }

  /// The inside of a class; classes inside it are joined to it.
  std::string char_class() {
    ++at_;
    std::string items = accept("^") ? "^" : "";
    bool after_set = true; // a '-' here stands for itself
    if (peek() == ']') {
      refuse("an empty class");
    }
    while (!done() && peek() != ']') {
      const char next = peek();
      if (next == '[') {
        if (peek(1) == ':' || peek(1) == '^') {
          refuse(c10::str("[", peek(1), " inside a class"));
        }
        items += char_class();
        after_set = true;
      } else if (next == '\\') {
        const bool set = std::string_view("pPsSdDwW").find(peek(1)) !=
                         std::string_view::npos;
        items += escape(/*in_class=*/true);
        after_set = set;
      } else if (next == '-' && after_set) {
        items += "\\-";
        ++at_;
      } else if (accept("&&")) {
        refuse("&& inside a class");
      } else {
        items += take();
        after_set = false;
      }
    }
    if (done()) {
      refuse("a class without its ]");
    }
    ++at_;
    return items;
  }

  void group() {
    if (peek(1) != '?') {
      out_ += take();
      return;
    }
    const bool first = at_ == 0;
    for (const char* opening :
         {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:", "(?-i:"}) {
      if (accept(opening)) {
        out_ += opening;
        return;
      }
    }
    if (first && accept("(?i)")) {
      out_ += "(?i)";
      return;
    }
    refuse(c10::str("the group ", pattern_.substr(at_, 4)));
  }

  void repetition() {
    const std::size_t close = pattern_.find('}', at_);
    const std::string_view inside = pattern_.substr(
        at_ + 1, close == std::string_view::npos ? 0 : close - at_ - 1);
    if (inside.empty() ||
        inside.find_first_not_of("0123456789,") != std::string_view::npos) {
      refuse("a brace that is no quantifier");
    }
    at_ = close + 1;
    if (peek() == '+' || peek() == '?' || peek() == '*') {
      refuse(c10::str("{", inside, "}", peek()));
    }
    out_ += c10::str("{", inside.front() == ',' ? "0" : "", inside, "}");
  }

  std::string_view pattern_;
  std::string_view where_;
  std::size_t at_ = 0;
  std::string out_;
};

} // namespace

std::string to_pcre2(std::string_view pattern, std::string_view where) {
  return Rewriter(pattern, where).rewrite();
}

} // namespace ma::tok
