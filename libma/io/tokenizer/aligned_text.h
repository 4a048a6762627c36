// A text on its way through the stages: its bytes as they are now, and where in
// the input each one came from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ma::tok {

/// Bytes [first, last) of a text.
struct Span {
  std::size_t first = 0;
  std::size_t last = 0;

  std::size_t size() const { return last - first; }
  bool operator==(const Span&) const = default;
};

/// The part of `text` that `span` covers.
inline std::string_view slice(std::string_view text, Span span) {
  return text.substr(span.first, span.size());
}

class AlignedText {
 public:
  /// Part of the input, unchanged: `text` begins at byte `offset` of it and
  /// must outlive this object.
  AlignedText(std::string_view text, std::size_t offset)
      : input_(text), offset_(offset) {}

  /// A rewritten text; `sources` holds, for each byte, the input bytes of the
  /// character that it came from.
  AlignedText(std::string text, std::vector<Span> sources)
      : text_(std::move(text)), sources_(std::move(sources)) {}

  /// The bytes as they are now, valid UTF-8.
  std::string_view view() const {
    return sources_.empty() ? input_ : std::string_view(text_);
  }

  /// Input bytes of `range`, extended to whole characters, as Hugging Face
  /// reports them.
  Span source(Span range) const;

 private:
  std::string_view input_;
  std::size_t offset_ = 0;
  std::string text_;
  std::vector<Span> sources_;
};

/// A character of a rewritten text and how it relates to those replaced: 0
/// replaces the next one, n > 0 is inserted, n < 0 replaces the next one and
/// removes -n more. This bookkeeping of Hugging Face's NormalizedString decides
/// the offsets that it reports.
struct Change {
  char32_t c;
  int change;
};

/// `text` rewritten as `changes` say, without its first `removed` characters.
AlignedText rewrite(
    const AlignedText& text,
    const std::vector<Change>& changes,
    std::size_t removed = 0);

/// Writes a text piece by piece.
class TextWriter {
 public:
  explicit TextWriter(const AlignedText& old);

  /// Appends bytes `range` of the old text.
  void copy(Span range);

  /// Appends `text`, which stands for `source` of the input.
  void insert(std::string_view text, Span source);

  std::size_t size() const { return text_.size(); }

  /// The text written. Call it last.
  AlignedText finish() { return {std::move(text_), std::move(sources_)}; }

 private:
  const AlignedText& old_;
  std::string text_;
  std::vector<Span> sources_;
};

} // namespace ma::tok
