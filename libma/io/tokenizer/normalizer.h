// First stage: rewrites the text before anything is cut.
#pragma once

#include <memory>

#include "libma/io/tokenizer/aligned_text.h"

namespace ma::tok {

/// Immutable; used by several threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// `text` rewritten, still aligned with the input.
  virtual AlignedText normalize(AlignedText text) const = 0;
};

/// Canonical composition (Unicode annex 15, NFC).
std::unique_ptr<Normalizer> make_nfc();

} // namespace ma::tok
