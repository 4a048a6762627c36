// Which classes a code point belongs to, in one table look-up.
#pragma once

#include <cstdint>
#include <vector>

namespace ma::tok {

/// Bits of a class mask; the sets are those of unicode_ranges.h.
enum CharClass : std::uint8_t {
  kLetter = 1,
  kNumber = 2,
  kSpace = 4,
  kNumeric = 8,
  kPunctuation = 16,
  kWord = 32,
  kNfcActive = 64, ///< NFC may change a text that holds this character
};

/// Class masks of all code points. Built once, on first use.
class CharClasses {
 public:
  static const CharClasses& instance();

  /// Bits of `CharClass`.
  std::uint8_t of(char32_t code_point) const { return masks_[code_point]; }

 private:
  CharClasses();

  std::vector<std::uint8_t> masks_;
};

} // namespace ma::tok
