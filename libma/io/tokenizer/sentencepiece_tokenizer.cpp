// A tokenizer made of a SentencePiece model. The library normalises, cuts and
// decodes; special tokens are found around it, as Hugging Face's slow
// tokenizers do it.
#include <unordered_set>
#include <utility>

#include "libma/io/tokenizer/model_file.h"
#include "libma/io/tokenizer/sentencepiece_library.h"

namespace ma::tok {
namespace {

using LibraryPtr = std::shared_ptr<const SentencePieceLibrary>;

class SentencePieceModel : public TokenModel {
 public:
  explicit SentencePieceModel(LibraryPtr library)
      : library_(std::move(library)) {}

  void tokenize(
      std::string_view piece, std::vector<PieceToken>& tokens) const override {
    library_->encode(piece, tokens);
  }

 private:
  LibraryPtr library_;
};

/// Each run of the model's own tokens by itself; others stand for themselves.
class SentencePieceDecoder : public Decoder {
 public:
  explicit SentencePieceDecoder(LibraryPtr library)
      : library_(std::move(library)) {
    for (std::uint32_t id = 0; id < library_->vocab_size(); ++id) {
      if (library_->kind(id) != SentencePieceKind::kControl) {
        own_.insert(library_->piece(id));
      }
    }
  }

  void decode(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::vector<std::string> run;
    const auto flush = [&] {
      if (!run.empty()) {
        out.push_back(library_->decode(run));
        run.clear();
      }
    };
    for (std::string& token : tokens) {
      if (own_.contains(token)) {
        run.push_back(std::move(token));
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }

 private:
  LibraryPtr library_;
  std::unordered_set<std::string> own_;
};

} // namespace

ModelFileParts sentencepiece_parts(
    const std::string& bytes, const std::filesystem::path& file) {
  const LibraryPtr library = load_sentencepiece(bytes, file.string());
  ModelFileParts result;
  TokenizerParts& parts = result.parts;
  parts.where = file.string();
  for (std::uint32_t id = 0; id < library->vocab_size(); ++id) {
    parts.vocab.push_back(library->piece(id));
    const SentencePieceKind kind = library->kind(id);
    if (kind == SentencePieceKind::kControl ||
        kind == SentencePieceKind::kUnknown) {
      AddedToken token;
      token.id = id;
      token.content = library->piece(id);
      token.special = true;
      parts.added.push_back(std::move(token));
    }
  }
  parts.pre_tokenizer = make_sequence({});
  parts.model = std::make_unique<SentencePieceModel>(library);
  parts.decoder = std::make_unique<SentencePieceDecoder>(library);
  if (const auto bos = library->bos_id()) {
    result.bos = library->piece(*bos);
  }
  if (const auto eos = library->eos_id()) {
    result.eos = library->piece(*eos);
  }
  return result;
}

} // namespace ma::tok
