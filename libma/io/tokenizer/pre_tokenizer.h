// Second stage: cuts the text into pieces that the model treats each by itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/aligned_text.h"
#include "libma/io/tokenizer/matcher.h"

namespace ma::tok {

/// A text and the pieces it is cut into so far: in order, not empty, with gaps
/// where something was removed.
struct PieceList {
  std::shared_ptr<const AlignedText> text;
  std::vector<Span> pieces;
};

/// Immutable; used by several threads.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  /// Cuts each piece of `list` further; may rewrite the text.
  virtual void split(PieceList& list) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<PreTokenizer>;

/// What becomes of the matches of a splitting pattern.
enum class SplitBehavior {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous
};

/// The behaviour that a tokenizer file calls `name` ("Isolated"). Throws
/// UnknownNameError, located at `where`.
SplitBehavior parse_split_behavior(
    std::string_view name, std::string_view where);

/// Cuts at the matches of `matcher`; with `inverted`, at the gaps between them.
PreTokenizerPtr make_split(
    std::unique_ptr<Matcher> matcher,
    SplitBehavior behavior,
    bool inverted = false);

/// Puts a space in front of each piece that does not start with one
/// (ByteLevel's `add_prefix_space`).
PreTokenizerPtr make_prefix_space();

/// Where Metaspace puts its replacement in front of a piece that does not start
/// with it: nowhere, where the text starts, or everywhere.
enum class PrependScheme { kNever, kFirst, kAlways };

/// SentencePiece's spelling of spaces: `replacement` for each one.
struct Metaspace {
  std::string replacement = "\u2581";
  PrependScheme scheme = PrependScheme::kAlways;
  bool split = true; ///< cut in front of each replacement
};
PreTokenizerPtr make_metaspace(Metaspace options);

/// Runs `stage` on the text as ByteLevel spells it, one letter for each byte
/// ("Ġis"): for stages that come after ByteLevel.
PreTokenizerPtr make_on_byte_letters(PreTokenizerPtr stage);

/// `stages`, one after the other.
PreTokenizerPtr make_sequence(std::vector<PreTokenizerPtr> stages);

} // namespace ma::tok
