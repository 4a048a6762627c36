// Data of canonical normalisation (NFC), in the Unicode version that
// `tokenizers` normalises with (9.0).
#pragma once

#include <cstdint>
#include <span>

namespace ma::tok {

/// `composed` is canonically `first second`; `composes` tells whether NFC puts
/// them together again.
struct PairDecomposition {
  char32_t composed;
  char32_t first;
  char32_t second;
  bool composes;
};

/// `composed` is always replaced by `single`.
struct SingleDecomposition {
  char32_t composed;
  char32_t single;
};

/// Code points (both ends included) of canonical combining class
/// `combining_class`, never 0.
struct CombiningRange {
  char32_t first;
  char32_t last;
  std::uint8_t combining_class;
};

std::span<const PairDecomposition>
pair_decompositions(); ///< in order of `composed`, Hangul left out
std::span<const SingleDecomposition> single_decompositions();
std::span<const CombiningRange> combining_ranges();

} // namespace ma::tok
