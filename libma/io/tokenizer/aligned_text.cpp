// A text on its way through the stages.
#include "libma/io/tokenizer/aligned_text.h"

#include <algorithm>

#include "libma/io/tokenizer/code_points.h"

namespace ma::tok {

Span AlignedText::source(Span range) const {
  if (!sources_.empty()) {
    if (range.size() == 0) {
      const std::size_t at = range.first < sources_.size()
                                 ? sources_[range.first].first
                                 : sources_.back().last;
      return {at, at};
    }
    return {sources_[range.first].first, sources_[range.last - 1].last};
  }
  while (range.first > 0 && range.first < input_.size() &&
         is_continuation(input_[range.first])) {
    --range.first;
  }
  while (range.last < input_.size() && is_continuation(input_[range.last])) {
    ++range.last;
  }
  return {offset_ + range.first, offset_ + range.last};
}

AlignedText rewrite(
    const AlignedText& text,
    const std::vector<Change>& changes,
    std::size_t removed) {
  const std::string_view old = text.view();
  std::string bytes;
  std::vector<Span> sources;
  bytes.reserve(old.size());
  sources.reserve(old.size());
  std::size_t at = 0;
  const auto skip_character = [&] {
    at += at < old.size() ? utf8_length(old[at]) : 0;
  };
  for (; removed > 0; --removed) {
    skip_character();
  }
  for (const Change& next : changes) {
    // An inserted character belongs to the one before.
    const std::size_t origin =
        next.change > 0 && at > 0 ? at - 1 : std::min(at, old.size() - 1);
    const Span source = text.source({origin, origin + 1});
    for (int i = next.change; i <= 0; ++i) {
      skip_character();
    }
    append_utf8(bytes, next.c);
    sources.resize(bytes.size(), source);
  }
  return {std::move(bytes), std::move(sources)};
}

TextWriter::TextWriter(const AlignedText& old) : old_(old) {
  text_.reserve(old.view().size() + 16);
  sources_.reserve(old.view().size() + 16);
}

void TextWriter::copy(Span range) {
  const std::string_view old = old_.view();
  text_ += slice(old, range);
  for (std::size_t at = range.first; at < range.last;) {
    const std::size_t next = std::min(at + utf8_length(old[at]), range.last);
    const Span source = old_.source({at, next});
    sources_.insert(sources_.end(), next - at, source);
    at = next;
  }
}

void TextWriter::insert(std::string_view text, Span source) {
  text_ += text;
  sources_.resize(text_.size(), source);
}

} // namespace ma::tok
