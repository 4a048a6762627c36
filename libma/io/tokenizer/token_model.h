// Third stage: turns one piece of text into tokens of the vocabulary.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/aligned_text.h"

namespace ma::tok {

/// A token and the bytes of the piece that it stands for.
struct PieceToken {
  std::uint32_t id;
  Span span;
};

/// Immutable; used by several threads.
class TokenModel {
 public:
  virtual ~TokenModel() = default;

  /// Appends the tokens of `piece`, which is not empty.
  virtual void tokenize(
      std::string_view piece, std::vector<PieceToken>& tokens) const = 0;
};

} // namespace ma::tok
