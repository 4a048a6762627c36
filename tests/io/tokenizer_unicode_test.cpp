#include "tokenizer_test_support.h"

#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/normalizer.h"

namespace ma {
namespace {

using namespace tok;

std::string nfc(const std::string& text) {
  return std::string(make_unicode_form(UnicodeForm::kNfc)
                         ->normalize(AlignedText(text, 0))
                         .view());
}

TEST(NfcTest, ComposesAndOrders) {
  EXPECT_EQ(nfc("plain \u00e9"), "plain \u00e9");
  EXPECT_EQ(nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(
      nfc("a\u030A\u0327"),
      "\u00E5\u0327"); // the cedilla stays, in order before what is left
  EXPECT_EQ(nfc("a\u0323\u0302"), "\u1EAD"); // two steps
  EXPECT_EQ(
      nfc("q\u0307\u0323"),
      "q\u0323\u0307"); // sorted by class, nothing to compose
  EXPECT_EQ(nfc("\u212B\u2126"), "\u00C5\u03A9");  // singletons
  EXPECT_EQ(nfc("\u0344"), "\u0308\u0301");        // excluded from composition
  EXPECT_EQ(nfc("\u1100\u1161\u11A8"), "\uAC01");  // Hangul by arithmetic
  EXPECT_EQ(nfc("\uAC00\u11A7"), "\uAC00\u11A7");  // no final consonant
  EXPECT_EQ(nfc("a\u0300\u0300"), "\u00E0\u0300"); // the second is blocked
}

TEST(NfcTest, KeepsTheAlignmentOfTheReference) {
  const AlignedText text = make_unicode_form(UnicodeForm::kNfc)
                               ->normalize(AlignedText("xe\u0301\uFB1Dy", 10));
  ASSERT_EQ(text.view(), "x\u00e9\u05D9\u05B4y");
  EXPECT_EQ(text.source({0, 1}), (Span{10, 11}));
  EXPECT_EQ(
      text.source({1, 3}),
      (Span{11, 12})); // the composed letter belongs to the e alone
  EXPECT_EQ(text.source({3, 5}), (Span{14, 17}));
  EXPECT_EQ(
      text.source({5, 7}),
      (Span{
          14,
          17})); // what a decomposition inserts belongs to the character before
  EXPECT_EQ(text.source({7, 8}), (Span{17, 18}));
}

TEST(Utf8RepairTest, ReplacesEachMaximalPart) {
  EXPECT_EQ(replace_invalid_utf8("a\xF0\x90\x80z"), "a\uFFFDz");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82"), "\uFFFD");
  EXPECT_EQ(
      replace_invalid_utf8("\xED\xA0\x80"),
      "\uFFFD\uFFFD\uFFFD"); // a surrogate
  EXPECT_EQ(
      replace_invalid_utf8("\xC0\xAF\xF5"),
      "\uFFFD\uFFFD\uFFFD"); // never lead bytes
  EXPECT_EQ(
      replace_invalid_utf8("\xF4\x90\x80\x80"),
      "\uFFFD\uFFFD\uFFFD\uFFFD"); // above U+10FFFF
  EXPECT_EQ(replace_invalid_utf8("\x80\u00e9"), "\uFFFD\u00e9");
}

TEST(ByteLettersTest, SpellEveryByteOnce) {
  EXPECT_EQ(byte_letter(' '), "\u0120");
  EXPECT_EQ(byte_letter('\n'), "\u010A");
  EXPECT_EQ(byte_letter('a'), "a");
  EXPECT_EQ(byte_letter(0xAD), "\u0143");
  for (int byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<unsigned char>(byte);
    EXPECT_EQ(
        bytes_of_letters(byte_letter(value)),
        std::string(1, static_cast<char>(value)));
  }
  EXPECT_EQ(bytes_of_letters("a b"), std::nullopt);
  EXPECT_EQ(bytes_of_letters("\u4E00"), std::nullopt);
}

} // namespace
} // namespace ma
