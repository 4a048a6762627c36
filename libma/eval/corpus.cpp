// Reading texts.
#include "libma/eval/corpus.h"

#include "libma/core/error.h"
#include "libma/io/model_source.h"
#include "libma/io/text.h"

namespace ma {

std::string Corpus::joined() const {
  return join_texts(texts, "\n\n");
}

Corpus load_corpus(
    const std::string& name_or_path, const std::filesystem::path& home) {
  Corpus corpus{
      .name = name_or_path, .path = find_text(name_or_path, home), .texts = {}};
  if (corpus.path.extension() == ".jsonl") {
    corpus.texts = read_jsonl_field(corpus.path, "text");
  } else {
    corpus.texts.push_back(read_text(corpus.path));
  }
  return corpus;
}

std::vector<Document> corpus_documents(
    const Corpus& corpus, DocumentMode mode) {
  if (mode == DocumentMode::kJoined) {
    return {plain_document(corpus.joined())};
  }
  if (mode == DocumentMode::kWikitextPages) {
    if (corpus.path.extension() == ".jsonl") {
      throw ConfigError(
          corpus.path.string(),
          "WikiText's pages are read from its raw file, not from rows");
    }
    return wikitext_documents(corpus.texts.front());
  }
  std::vector<Document> documents;
  documents.reserve(corpus.texts.size());
  for (const std::string& text : corpus.texts) {
    documents.push_back(plain_document(text));
  }
  return documents;
}

} // namespace ma
