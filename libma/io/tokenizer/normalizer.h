// First stage: rewrites the text before anything is cut.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/aligned_text.h"
#include "libma/io/tokenizer/matcher.h"

namespace ma::tok {

/// Immutable; used by several threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// `text` rewritten, still aligned with the input.
  virtual AlignedText normalize(AlignedText text) const = 0;
};

using NormalizerPtr = std::unique_ptr<Normalizer>;

/// The normalisation forms of Unicode annex 15.
enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };
NormalizerPtr make_unicode_form(UnicodeForm form);

/// `prefix` in front of a text that is not empty.
NormalizerPtr make_prepend(std::string prefix);

/// `content` instead of each match.
NormalizerPtr make_replace(
    std::unique_ptr<Matcher> matcher, std::string content);

/// Without white space at the left or right end.
NormalizerPtr make_strip(bool left, bool right);

/// Without combining marks.
NormalizerPtr make_strip_accents();

/// Lower case, by Unicode's full mapping without context.
NormalizerPtr make_lowercase();

/// Control characters removed and unusual white space made spaces, as
/// SentencePiece's "nmt" does.
NormalizerPtr make_nmt();

/// The rules that a SentencePiece model was compiled with. Throws FileError,
/// located at `where`, when `charsmap` is not such a table.
NormalizerPtr make_charsmap(std::string charsmap, std::string_view where);

/// `stages`, one after the other.
NormalizerPtr make_normalizer_sequence(std::vector<NormalizerPtr> stages);

} // namespace ma::tok
