// Expected texts are Python's.
#include "libma/eval/text_filters.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

std::string apply(const std::string& name, const std::string& text) {
  return find_text_filter(name, "test")(text, "row");
}

TEST(TextFilterTest, StripTakesAwayWhiteSpaceAtBothEnds) {
  EXPECT_EQ(apply("strip", " \xc2\xa0 a b\n\xe3\x80\x80"), "a b");
  EXPECT_EQ(apply("strip", " \t "), "");
}

TEST(TextFilterTest, LeftStripLeavesTheEnd) {
  EXPECT_EQ(apply("lstrip", "\n\xe2\x80\x83 a "), "a ");
}

TEST(TextFilterTest, DropLastTakesAwayOneCharacter) {
  EXPECT_EQ(apply("drop_last", "ab."), "ab");
  EXPECT_EQ(apply("drop_last", "ab\xf0\x9f\x98\x80"), "ab");
  EXPECT_EQ(apply("drop_last", ""), "");
}

TEST(TextFilterTest, SpacesStandForUnderscores) {
  EXPECT_EQ(apply("spaces", "high_school__physics_"), "high school  physics ");
}

TEST(TextFilterTest, WordsAreWhatSingleSpacesSeparate) {
  EXPECT_EQ(apply("last_word", "a b\nc"), "b\nc");
  EXPECT_EQ(apply("all_but_last_word", "a  b\nc"), "a ");
  EXPECT_EQ(apply("last_word", "a "), "");
  EXPECT_EQ(apply("all_but_last_word", "a "), "a");
}

TEST(TextFilterTest, ATextWithoutASpaceIsItsLastWord) {
  EXPECT_EQ(apply("last_word", "abc"), "abc");
  EXPECT_EQ(apply("all_but_last_word", "abc"), "");
}

TEST(TextFilterTest, TheBlankIsTheFirstUnderscore) {
  EXPECT_EQ(apply("before_blank", "a _ b _ c"), "a ");
  EXPECT_EQ(apply("after_blank", "a _ b _ c"), " b _ c");
}

TEST(TextFilterTest, ASentenceWithoutABlankIsAnError) {
  EXPECT_THROW(apply("before_blank", "a b"), Error);
  EXPECT_THROW(apply("after_blank", "a b"), Error);
}

TEST(TextFilterTest, HellaswagTurnsTitlesIntoFullStops) {
  EXPECT_EQ(apply("hellaswag", "One [title] two"), "One. two");
  EXPECT_EQ(apply("hellaswag", "One[title] two"), "One two");
}

TEST(TextFilterTest, HellaswagDropsBracketsWithinALine) {
  EXPECT_EQ(apply("hellaswag", "a[b]c[[d]e]f"), "ace]f");
  EXPECT_EQ(apply("hellaswag", "a[b\nc]d"), "a[b\nc]d");
  EXPECT_EQ(apply("hellaswag", "a[b\n[c]d"), "a[b\nd");
  EXPECT_EQ(apply("hellaswag", "a[]b[c"), "ab[c");
}

TEST(TextFilterTest, HellaswagHalvesRunsOfSpacesOnce) {
  EXPECT_EQ(apply("hellaswag", "a    b   c"), "a  b  c");
}

TEST(TextFilterTest, HellaswagStripsBeforeItDropsBrackets) {
  EXPECT_EQ(apply("hellaswag", " [header] a [step] "), " a ");
}

TEST(TextFilterTest, AnUnknownNameOffersTheNearest) {
  EXPECT_THROW(find_text_filter("stripe", "test"), UnknownNameError);
}

} // namespace
} // namespace ma
