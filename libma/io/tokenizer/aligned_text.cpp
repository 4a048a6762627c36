// A text on its way through the stages.
#include "libma/io/tokenizer/aligned_text.h"

#include "libma/io/tokenizer/code_points.h"

namespace ma::tok {

Span AlignedText::source(Span range) const {
  if (!sources_.empty()) {
    return {sources_[range.first].first, sources_[range.last - 1].last};
  }
  while (range.first > 0 && is_continuation(input_[range.first])) {
    --range.first;
  }
  while (range.last < input_.size() && is_continuation(input_[range.last])) {
    ++range.last;
  }
  return {offset_ + range.first, offset_ + range.last};
}

} // namespace ma::tok
