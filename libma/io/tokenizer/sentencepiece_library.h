// SentencePiece behind an interface of our own: its headers must not meet
// torch's (see CMakeLists.txt).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/token_model.h"

namespace ma::tok {

/// How a SentencePiece model uses an entry of its vocabulary.
enum class SentencePieceKind { kNormal, kUnknown, kControl, kByte, kUnused };

/// A SentencePiece model. Immutable; used by several threads.
class SentencePieceLibrary {
 public:
  virtual ~SentencePieceLibrary() = default;

  virtual std::size_t vocab_size() const = 0;
  virtual const std::string& piece(std::uint32_t id) const = 0;
  virtual SentencePieceKind kind(std::uint32_t id) const = 0;
  virtual std::optional<std::uint32_t> bos_id() const = 0;
  virtual std::optional<std::uint32_t> eos_id() const = 0;

  /// Appends the tokens of `text` and the bytes that each stands for; none for
  /// a space that the model puts in front, the whole character for each of its
  /// bytes.
  virtual void encode(
      std::string_view text, std::vector<PieceToken>& tokens) const = 0;

  /// The text of tokens in the vocabulary's spelling.
  virtual std::string decode(const std::vector<std::string>& pieces) const = 0;
};

/// The model in `bytes`, the content of a tokenizer.model. Throws FileError,
/// located at `where`, when they are no such model.
std::unique_ptr<SentencePieceLibrary> load_sentencepiece(
    const std::string& bytes, std::string_view where);

} // namespace ma::tok
