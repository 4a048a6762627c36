#include "libma/eval/whitespace.h"

#include <gtest/gtest.h>

namespace ma {
namespace {

TEST(StripTest, TakesAwayPythonsWhitespaceAndNothingElse) {
  EXPECT_EQ(
      strip(
          " \t\xc2\xa0"
          "a b\xe3\x80\x80\x1c\n"),
      "a b");
  // U+200B is no whitespace in Python.
  EXPECT_EQ(
      strip(
          "\xe2\x80\x8b"
          "a"),
      "\xe2\x80\x8b"
      "a");
  EXPECT_EQ(strip(" \xe2\x80\x89 "), "");
}

TEST(CountSplitWordsTest, CountsEmptyStringsAtBothEnds) {
  EXPECT_EQ(count_split_words(""), 1);
  EXPECT_EQ(count_split_words("a"), 1);
  EXPECT_EQ(count_split_words("a  b\n\nc"), 3);
  EXPECT_EQ(count_split_words(" a b "), 4);
  EXPECT_EQ(
      count_split_words(
          "a\xe2\x80\x83\xc2\x85"
          "b"),
      2);
}

} // namespace
} // namespace ma
