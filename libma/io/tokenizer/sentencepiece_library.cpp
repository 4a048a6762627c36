// The only file that sees SentencePiece. Compiled without torch's include
// folder, whose protobuf headers would shadow those of the system.
#include "libma/io/tokenizer/sentencepiece_library.h"

#include <sentencepiece_processor.h>

#include "libma/core/error.h"

namespace ma::tok {
namespace {

std::optional<std::uint32_t> id_or_none(int id) {
  return id < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(id));
}

class Library : public SentencePieceLibrary {
 public:
  Library(const std::string& bytes, std::string_view where) : where_(where) {
    check(
        processor_.LoadFromSerializedProto(bytes),
        "is no SentencePiece model; fetch it again");
  }

  std::size_t vocab_size() const override {
    return static_cast<std::size_t>(processor_.GetPieceSize());
  }

  const std::string& piece(std::uint32_t id) const override {
    return processor_.IdToPiece(static_cast<int>(id));
  }

  SentencePieceKind kind(std::uint32_t id) const override {
    const auto number = static_cast<int>(id);
    return processor_.IsUnknown(number)   ? SentencePieceKind::kUnknown
           : processor_.IsControl(number) ? SentencePieceKind::kControl
           : processor_.IsByte(number)    ? SentencePieceKind::kByte
           : processor_.IsUnused(number)  ? SentencePieceKind::kUnused
                                          : SentencePieceKind::kNormal;
  }

  std::optional<std::uint32_t> bos_id() const override {
    return id_or_none(processor_.bos_id());
  }
  std::optional<std::uint32_t> eos_id() const override {
    return id_or_none(processor_.eos_id());
  }

  void encode(
      std::string_view text, std::vector<PieceToken>& tokens) const override {
    sentencepiece::ImmutableSentencePieceText encoded;
    check(
        processor_.Encode(text, encoded.mutable_proto()),
        "SentencePiece could not encode the text; shorten it");
    const std::size_t first = tokens.size();
    for (const auto& piece : encoded.pieces()) {
      tokens.push_back({piece.id(), {piece.begin(), piece.end()}});
    }
    // Of the bytes of a character only the last one has its place.
    for (std::size_t i = tokens.size(); i > first + 1; --i) {
      PieceToken& token = tokens[i - 2];
      const PieceToken& next = tokens[i - 1];
      if (token.span.size() == 0 && token.span.first == next.span.first &&
          is_byte(token) && is_byte(next)) {
        token.span = next.span;
      }
    }
  }

  std::string decode(const std::vector<std::string>& pieces) const override {
    std::string text;
    check(
        processor_.Decode(pieces, &text),
        "SentencePiece could not decode the tokens; check their ids");
    return text;
  }

 private:
  void check(
      const sentencepiece::util::Status& status, const char* problem) const {
    if (!status.ok()) {
      throw FileError(where_, problem);
    }
  }

  bool is_byte(const PieceToken& token) const {
    return processor_.IsByte(static_cast<int>(token.id));
  }

  std::string where_;
  sentencepiece::SentencePieceProcessor processor_;
};

} // namespace

std::unique_ptr<SentencePieceLibrary> load_sentencepiece(
    const std::string& bytes, std::string_view where) {
  return std::make_unique<Library>(bytes, where);
}

} // namespace ma::tok
