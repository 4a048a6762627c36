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

} // namespace ma::tok
