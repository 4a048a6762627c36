#include <algorithm>

#include "tokenizer_test_support.h"

#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/pre_tokenizer.h"
#include "libma/io/tokenizer/regex_syntax.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using namespace tok;

std::vector<std::string> pieces(
    const PreTokenizer& stage, const std::string& text) {
  PieceList list{std::make_shared<AlignedText>(text, 0), {{0, text.size()}}};
  stage.split(list);
  std::vector<std::string> out;
  for (const Span piece : list.pieces) {
    out.emplace_back(slice(list.text->view(), piece));
  }
  return out;
}

std::vector<std::string> isolated(
    const char* pattern, const std::string& text) {
  return pieces(
      *make_split(
          make_regex_matcher(pattern, "test"), SplitBehavior::kIsolated),
      text);
}

TEST(WordMatcherTest, SplitsAsGpt2) {
  EXPECT_THAT(
      isolated(kGpt2Pattern, "I'm 12345 it'S   ok!?\n\n x"),
      ElementsAre(
          "I",
          "'m",
          " 12345",
          " it",
          "'",
          "S",
          "  ",
          " ok",
          "!?",
          "\n\n",
          " x"));
  EXPECT_THAT(isolated(kGpt2Pattern, "a  "), ElementsAre("a", "  "));
}

TEST(WordMatcherTest, SplitsAsLlama3) {
  EXPECT_THAT(
      isolated(kLlama3Pattern, "I'M 12345 (it   ok!?\n\n x"),
      ElementsAre(
          "I",
          "'M",
          " ",
          "123",
          "45",
          " (",
          "it",
          "  ",
          " ok",
          "!?\n\n",
          " x"));
  EXPECT_THAT(
      isolated(kLlama3Pattern, "\t \r\n  y'\u017F"),
      ElementsAre("\t \r\n", " ", " y", "'\u017F"));
}

TEST(WordMatcherTest, Qwen2TakesDigitsOneByOne) {
  EXPECT_THAT(isolated(kQwen2Pattern, "a 12"), ElementsAre("a", " ", "1", "2"));
}

/// The hand-written matchers against PCRE2 on the same patterns, made unknown
/// by an empty group at the end.
TEST(WordMatcherTest, AgreesWithTheRegexEngine) {
  const std::vector<std::string> alphabet = {
      "'",      "s",      "S",          "R",  "e",  "l",  "L",
      "\u017F", " ",      "  ",         "\n", "\r", "\t", "\u00A0",
      "\u0085", "1",      "\u00BD",     "9",  ".",  "!",  "\u4E00",
      "\u0301", "\u200B", "\U0001F600", "v",  "M"};
  std::uint32_t state = 12345;
  const auto next = [&state] { return state = state * 1664525 + 1013904223; };
  for (const std::string pattern :
       {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern}) {
    const auto by_hand = make_regex_matcher(pattern, "test");
    const auto by_engine = make_regex_matcher(pattern + "(?:)", "test");
    for (std::uint32_t round = 0; round < 3000; ++round) {
      std::string text;
      for (std::uint32_t i = 0; i <= round % 12; ++i) {
        text += alphabet[(next() >> 8) % alphabet.size()];
      }
      std::vector<Match> found, wanted;
      by_hand->find(text, found);
      by_engine->find(text, wanted);
      ASSERT_TRUE(
          std::equal(
              found.begin(),
              found.end(),
              wanted.begin(),
              wanted.end(),
              [](const Match& a, const Match& b) { return a.span == b.span; }))
          << pattern << " on " << text;
    }
  }
}

TEST(SplitTest, EachBehaviorPutsMatchesWhereItSays) {
  const auto split = [](SplitBehavior behavior, bool inverted) {
    return pieces(
        *make_split(make_literal_matcher("-"), behavior, inverted), "-a--b-");
  };
  EXPECT_THAT(split(SplitBehavior::kRemoved, false), ElementsAre("a", "b"));
  EXPECT_THAT(
      split(SplitBehavior::kRemoved, true), ElementsAre("-", "-", "-", "-"));
  EXPECT_THAT(
      split(SplitBehavior::kIsolated, false),
      ElementsAre("-", "a", "-", "-", "b", "-"));
  EXPECT_THAT(
      split(SplitBehavior::kMergedWithPrevious, false),
      ElementsAre("-", "a-", "-", "b-"));
  EXPECT_THAT(
      split(SplitBehavior::kMergedWithNext, false),
      ElementsAre("-a", "-", "-b", "-"));
  EXPECT_THAT(
      split(SplitBehavior::kContiguous, false),
      ElementsAre("-", "a", "--", "b", "-"));
}

TEST(SplitTest, StagesBehindByteLevelSeeByteLetters) {
  // U+00F2 is C3 B2, spelled with the letters U+00C3 U+00B2, of which the
  // second is a number.
  const auto digits = [] {
    return make_split(make_class_matcher(kNumeric), SplitBehavior::kIsolated);
  };
  EXPECT_THAT(pieces(*digits(), "a\u00F2"), ElementsAre("a\u00F2"));
  EXPECT_THAT(
      pieces(*make_on_byte_letters(digits()), "a\u00F2"),
      ElementsAre("a\xC3", "\xB2"));
}

TEST(SplitTest, PrefixSpaceGoesInFrontOfEachPiece) {
  std::vector<PreTokenizerPtr> stages;
  stages.push_back(
      make_split(make_literal_matcher("-"), SplitBehavior::kRemoved));
  stages.push_back(make_prefix_space());
  EXPECT_THAT(
      pieces(*make_sequence(std::move(stages)), "a- b-\u00E9"),
      ElementsAre(" a", " b", " \u00E9"));
}

TEST(RegexMatcherTest, KnowsTheUnicodeVersionOfTheReference) {
  // U+1C89 is a letter since Unicode 16, U+FEFF and U+180E are no spaces.
  EXPECT_THAT(isolated("\\p{L}+", "-\u1C89-"), ElementsAre("-", "\u1C89", "-"));
  EXPECT_THAT(
      isolated("[^\\s]+", "\u0085\uFEFF\u180E\u00A0"),
      ElementsAre("\u0085", "\uFEFF\u180E", "\u00A0"));
  EXPECT_THAT(isolated("\\S+", " a\u2003"), ElementsAre(" ", "a", "\u2003"));
}

TEST(RegexMatcherTest, AnEmptyMatchBehindAMatchDoesNotCount) {
  EXPECT_THAT(isolated("b*", "abbc"), ElementsAre("a", "bb", "c"));
}

TEST(RegexMatcherTest, JoinsNestedClasses) {
  EXPECT_THAT(
      isolated(" ?[^(\\s|[.,!?])]+", "ab, c(d"),
      ElementsAre("ab", ",", " c", "(", "d"));
}

TEST(RegexMatcherTest, RefusesWhatTheEnginesReadDifferently) {
  for (const char* const pattern :
       {"a{1,2}+",
        "(?m:a)",
        "[a&&b]",
        "[[:alpha:]]",
        "\\h",
        "\\bx",
        "(?<n>a)",
        "[a[^b]]",
        "x{,}y{a}"}) {
    EXPECT_THAT(
        message_of<ConfigError>([&] { to_pcre2(pattern, "file"); }),
        HasSubstr("[file] the regular expression"))
        << pattern;
  }
  EXPECT_THAT(
      message_of<ConfigError>([] { make_regex_matcher("(a", "file"); }),
      HasSubstr("is invalid"));
}

} // namespace
} // namespace ma
