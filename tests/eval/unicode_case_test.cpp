// Expected texts are those of Python's `str.capitalize`;
// tests/python/test_text_filters.py compares every code point.
#include "libma/eval/unicode_case.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

TEST(CapitalizeTest, LowersAllButTheFirst) {
  EXPECT_EQ(capitalize("hELLO World"), "Hello world");
  EXPECT_EQ(capitalize(""), "");
  EXPECT_EQ(capitalize("1 A"), "1 a");
  EXPECT_EQ(capitalize(" A"), " a");
}

TEST(CapitalizeTest, KnowsLettersBeyondAscii) {
  EXPECT_EQ(capitalize("éCOLE"), "École");
  EXPECT_EQ(capitalize("жУК"), "Жук");
  EXPECT_EQ(capitalize("\U00010428\U00010400"), "\U00010400\U00010428");
}

TEST(CapitalizeTest, TheFirstIsInTitleCaseNotUpperCase) {
  EXPECT_EQ(capitalize("ǆA"), "ǅa"); // upper case would be U+01C4
  EXPECT_EQ(capitalize("ǄA"), "ǅa");
}

TEST(CapitalizeTest, OneCharacterMayBecomeSeveral) {
  EXPECT_EQ(capitalize("ßA"), "Ssa");
  EXPECT_EQ(capitalize("ﬃA"), "Ffia");
  EXPECT_EQ(capitalize("aİ"), "Ai\xcc\x87");
}

TEST(CapitalizeTest, ASigmaThatEndsAWordIsFinal) {
  EXPECT_EQ(capitalize("ΟΔΟΣ"), "Οδος");
  EXPECT_EQ(capitalize("ΟΔΟΣ ΟΔΟΣ."), "Οδος οδος.");
  EXPECT_EQ(capitalize("ΑΣΑ"), "Ασα");
  EXPECT_EQ(capitalize("Α Σ"), "Α σ");
}

TEST(CapitalizeTest, ASigmaLooksThroughWhatCaseIgnores) {
  EXPECT_EQ(capitalize("ΑΣ'Α"), "Ασ'α");
  EXPECT_EQ(capitalize("Α.Σ"), "Α.ς");
  EXPECT_EQ(capitalize("ΑΣ\xc2\xaa"), "Ασ\xc2\xaa"); // U+00AA is cased
}

TEST(CapitalizeTest, RefusesWhatIsNotUtf8) {
  EXPECT_THROW(capitalize("a\xff"), FileError);
}

TEST(LowerFirstTest, LeavesTheRest) {
  EXPECT_EQ(lower_first("THE END"), "tHE END");
  EXPECT_EQ(lower_first("Éa"), "éa");
  EXPECT_EQ(
      lower_first("İA"),
      "i\xcc\x87"
      "A");
  EXPECT_EQ(lower_first("ΣΑ"), "σΑ");
  EXPECT_EQ(lower_first(""), "");
}

} // namespace
} // namespace ma
