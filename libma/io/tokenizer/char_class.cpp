// Which classes a code point belongs to, in one table look-up.
#include "libma/io/tokenizer/char_class.h"

#include <cstddef>
#include <span>

#include "libma/io/tokenizer/nfc_data.h"
#include "libma/io/tokenizer/unicode_ranges.h"

namespace ma::tok {
namespace {

constexpr std::size_t kCodePoints = 0x110000;

void add_ranges(
    std::vector<std::uint8_t>& masks,
    std::span<const CodePointRange> ranges,
    CharClass bit) {
  for (const CodePointRange& range : ranges) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      masks[c] |= bit;
    }
  }
}

/// A text of which no character decomposes for good, carries a mark or composes
/// with the one before is its own NFC.
void add_nfc_active(std::vector<std::uint8_t>& masks) {
  for (const PairDecomposition& pair : pair_decompositions()) {
    masks[pair.second] |= kNfcActive;
    if (!pair.composes) {
      masks[pair.composed] |= kNfcActive;
    }
  }
  for (const SingleDecomposition& single : single_decompositions()) {
    masks[single.composed] |= kNfcActive;
  }
  for (const CombiningRange& range : combining_ranges()) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      masks[c] |= kNfcActive;
    }
  }
  for (char32_t jamo = 0x1160; jamo <= 0x11FF;
       ++jamo) { // Hangul vowels and final consonants join what is before
    masks[jamo] |= kNfcActive;
  }
}

} // namespace

CharClasses::CharClasses() : masks_(kCodePoints, 0) {
  add_ranges(masks_, letter_ranges(), kLetter);
  add_ranges(masks_, number_ranges(), kNumber);
  add_ranges(masks_, space_ranges(), kSpace);
  add_ranges(masks_, numeric_ranges(), kNumeric);
  add_ranges(masks_, punctuation_ranges(), kPunctuation);
  add_ranges(masks_, word_ranges(), kWord);
  add_nfc_active(masks_);
}

const CharClasses& CharClasses::instance() {
  static const CharClasses classes;
  return classes;
}

} // namespace ma::tok
