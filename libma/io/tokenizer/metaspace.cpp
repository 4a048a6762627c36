// SentencePiece's spelling of spaces as a pre-tokenizer.
#include <algorithm>
#include <utility>

#include "libma/io/tokenizer/pre_tokenizer.h"

namespace ma::tok {
namespace {

class MetaspaceStage : public PreTokenizer {
 public:
  explicit MetaspaceStage(Metaspace options)
      : options_(std::move(options)),
        split_(make_split(
            make_literal_matcher(options_.replacement),
            SplitBehavior::kMergedWithNext)) {}

  void split(PieceList& list) const override {
    const AlignedText& old = *list.text;
    TextWriter writer(old);
    for (Span& piece : list.pieces) {
      const std::size_t first = writer.size();
      write(old, piece, writer);
      piece = {first, writer.size()};
    }
    list.text = std::make_shared<AlignedText>(writer.finish());
    if (options_.split) {
      split_->split(list);
    }
  }

 private:
  void write(const AlignedText& old, Span piece, TextWriter& writer) const {
    const std::string_view text = slice(old.view(), piece);
    const Span start = old.source({piece.first, piece.first + 1});
    const bool prepends =
        options_.scheme == PrependScheme::kAlways ||
        (options_.scheme == PrependScheme::kFirst && start.first == 0);
    if (prepends && text.front() != ' ' &&
        !text.starts_with(options_.replacement)) {
      writer.insert(options_.replacement, start);
    }
    for (std::size_t at = piece.first; at < piece.last;) {
      if (old.view()[at] == ' ') {
        writer.insert(options_.replacement, old.source({at, at + 1}));
        ++at;
        continue;
      }
      const std::size_t space = std::min(old.view().find(' ', at), piece.last);
      writer.copy({at, space});
      at = space;
    }
  }

  Metaspace options_;
  PreTokenizerPtr split_;
};

} // namespace

PreTokenizerPtr make_metaspace(Metaspace options) {
  return std::make_unique<MetaspaceStage>(std::move(options));
}

} // namespace ma::tok
