// Matchers without a regular expression: characters of a class, and a literal.
#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/matcher.h"

namespace ma::tok {
namespace {

class ClassMatcher : public Matcher {
 public:
  explicit ClassMatcher(std::uint8_t classes) : classes_(classes) {}

  void find(std::string_view text, std::vector<Match>& matches) const override {
    const CharClasses& table = CharClasses::instance();
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto position = [begin](const char* at) {
      return static_cast<std::size_t>(at - begin);
    };
    std::size_t gap = 0;
    for (const char* at = begin; at != end;) {
      const std::size_t first = position(at);
      if ((table.of(next_code_point(at)) & classes_) == 0) {
        continue;
      }
      if (gap != first) {
        matches.push_back({{gap, first}, false});
      }
      gap = position(at);
      matches.push_back({{first, gap}, true});
    }
    if (gap != text.size()) {
      matches.push_back({{gap, text.size()}, false});
    }
  }

 private:
  std::uint8_t classes_;
};

class LiteralMatcher : public Matcher {
 public:
  explicit LiteralMatcher(std::string literal) : literal_(std::move(literal)) {}

  void find(std::string_view text, std::vector<Match>& matches) const override {
    std::size_t gap = 0;
    while (!literal_.empty()) {
      const std::size_t first = text.find(literal_, gap);
      if (first == std::string_view::npos) {
        break;
      }
      if (gap != first) {
        matches.push_back({{gap, first}, false});
      }
      gap = first + literal_.size();
      matches.push_back({{first, gap}, true});
    }
    if (gap != text.size()) {
      matches.push_back({{gap, text.size()}, false});
    }
  }

 private:
  std::string literal_;
};

} // namespace

std::unique_ptr<Matcher> make_class_matcher(std::uint8_t classes) {
  return std::make_unique<ClassMatcher>(classes);
}

std::unique_ptr<Matcher> make_literal_matcher(const std::string& literal) {
  return std::make_unique<LiteralMatcher>(literal);
}

} // namespace ma::tok
