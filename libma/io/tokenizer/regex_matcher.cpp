// Matches of regular expressions: PCRE2 with its just-in-time compiler, or a
// hand-written scanner for known patterns.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <array>
#include <memory>

#include <c10/util/StringUtil.h>
#include <pcre2.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/matcher.h"
#include "libma/io/tokenizer/regex_syntax.h"

namespace ma::tok {
namespace {

struct KnownPattern {
  const char* regex;
  WordPattern pattern;
};

/// Patterns of which word_matcher.cpp has a scanner.
const std::array<KnownPattern, 3> kKnownPatterns = {{
    {kGpt2Pattern, {}},
    {kLlama3Pattern,
     {.any_case_contractions = true, .any_prefix = true, .max_digits = 3}},
    {kQwen2Pattern,
     {.any_case_contractions = true, .any_prefix = true, .max_digits = 1}},
}};

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using CompileContext =
    std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchData =
    std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;

std::string pcre2_message(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

Code compile(const std::string& pattern, std::string_view where) {
  const std::string rewritten = to_pcre2(pattern, where);
  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  std::size_t position = 0;
  Code code(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(rewritten.data()),
      rewritten.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
      &error,
      &position,
      context.get()));
  if (code == nullptr) {
    throw ConfigError(
        where,
        c10::str(
            "the regular expression '",
            pattern,
            "' is invalid: ",
            pcre2_message(error),
            "; correct the file"));
  }
  pcre2_jit_compile(
      code.get(),
      PCRE2_JIT_COMPLETE); // where there is none, matching interprets
  return code;
}

class RegexMatcher : public Matcher {
 public:
  RegexMatcher(std::string pattern, std::string_view where)
      : pattern_(std::move(pattern)), code_(compile(pattern_, where)) {}

  void find(std::string_view text, std::vector<Match>& matches) const override {
    const MatchData data(
        pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    std::size_t covered = 0; // end of the last match
    bool any = false;
    for (std::size_t at = 0;
         at <= text.size() && search(text, at, data.get());) {
      const std::size_t* const bounds = pcre2_get_ovector_pointer(data.get());
      const Span found{bounds[0], bounds[1]};
      if (found.size() == 0 && any && found.last == covered) {
        // An empty match behind a match does not count: try again one character
        // on.
        at += at < text.size() ? utf8_length(text[at]) : 1;
        continue;
      }
      if (covered != found.first) {
        matches.push_back({{covered, found.first}, false});
      }
      matches.push_back({found, true});
      at = covered = found.last;
      any = true;
    }
    if (covered != text.size()) {
      matches.push_back({{covered, text.size()}, false});
    }
  }

 private:
  bool search(
      std::string_view text, std::size_t from, pcre2_match_data* data) const {
    const auto run = [&](std::uint32_t options) {
      return pcre2_match(
          code_.get(),
          reinterpret_cast<PCRE2_SPTR>(text.data()),
          text.size(),
          from,
          options,
          data,
          nullptr);
    };
    int result = run(PCRE2_NO_UTF_CHECK);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
      result =
          run(PCRE2_NO_UTF_CHECK |
              PCRE2_NO_JIT); // the interpreter keeps its stack on the heap
    }
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
      throw Error(
          "tokenizer",
          c10::str(
              "the regular expression '",
              pattern_,
              "' failed on the text: ",
              pcre2_message(result),
              "; shorten the text"));
    }
    return result >= 0;
  }

  std::string pattern_;
  Code code_;
};

} // namespace

std::unique_ptr<Matcher> make_regex_matcher(
    const std::string& pattern, std::string_view where) {
  for (const KnownPattern& known : kKnownPatterns) {
    if (pattern == known.regex) {
      return make_word_matcher(known.pattern);
    }
  }
  return std::make_unique<RegexMatcher>(pattern, where);
}

} // namespace ma::tok
