#include "libma/io/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace ma {
namespace {

TEST(FirstInvalidUtf8Test, AcceptsEveryLengthAndTheLastCodePoint) {
  EXPECT_EQ(
      first_invalid_utf8(
          "plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80, \xF4\x8F\xBF\xBF, "
          "\xEF\xBB\xBF"),
      std::nullopt);
  EXPECT_EQ(first_invalid_utf8(""), std::nullopt);
}

TEST(FirstInvalidUtf8Test, FindsThePositionOfWhatIsNotUtf8) {
  EXPECT_EQ(first_invalid_utf8("0123456789\xFF"), 10U);
  EXPECT_EQ(first_invalid_utf8("ab\x80"), 2U); // continuation without a lead
  EXPECT_EQ(first_invalid_utf8("\xC3\xA9\xC3"), 2U);     // cut off
  EXPECT_EQ(first_invalid_utf8("\xC0\xAF"), 0U);         // overlong
  EXPECT_EQ(first_invalid_utf8("\xE0\x9F\xBF"), 0U);     // overlong
  EXPECT_EQ(first_invalid_utf8("\xF0\x8F\xBF\xBF"), 0U); // overlong
  EXPECT_EQ(first_invalid_utf8("x\xED\xA0\x80"), 1U);    // surrogate
  EXPECT_EQ(first_invalid_utf8("\xF4\x90\x80\x80"), 0U); // beyond U+10FFFF
  EXPECT_EQ(first_invalid_utf8("\xF5\x80\x80\x80"), 0U);
  EXPECT_EQ(
      first_invalid_utf8(
          "\xE2\x82"
          "a"),
      0U);
}

TEST(InQuotesTest, EscapesWhatWouldBreakALine) {
  EXPECT_EQ(in_quotes("a.weight"), "'a.weight'");
  EXPECT_EQ(in_quotes("a\nb\xFF\xC3\xA9"), "'a\\x0ab\\xff\xC3\xA9'");
}

TEST(InQuotesTest, CutsLongNamesBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 100; ++i) {
    name += "\xC3\xA9";
  }
  const std::string shown = in_quotes(name);
  EXPECT_EQ(first_invalid_utf8(shown), std::nullopt);
  EXPECT_LT(shown.size(), 100U);
  EXPECT_EQ(shown.substr(shown.size() - 4), "...'");
}

} // namespace
} // namespace ma
