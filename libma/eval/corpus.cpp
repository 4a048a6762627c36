// Reading texts, and cutting calibration sequences from them.
#include "libma/eval/corpus.h"

#include "libma/core/error.h"
#include "libma/eval/protocols.h"
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
    const Corpus& corpus, const std::string& protocol) {
  if (!find_protocol(protocol).cuts_each_document) {
    return {plain_document(corpus.joined())};
  }
  if (corpus.path.extension() != ".jsonl") {
    return wikitext_documents(corpus.texts.front());
  }
  std::vector<Document> documents;
  for (const std::string& text : corpus.texts) {
    documents.push_back(plain_document(text));
  }
  return documents;
}

torch::Tensor calibration_sequences(
    const Corpus& corpus,
    const Tokenizer& tokenizer,
    std::int64_t count,
    std::int64_t length) {
  const auto ids = tokenizer.encode(corpus.joined()); // [pos]
  if (ids.size(0) < count * length) {
    throw ConfigError(
        corpus.path.string(),
        c10::str(
            "the text has ",
            ids.size(0),
            " tokens; ",
            count,
            " sequences of ",
            length,
            " need ",
            count * length));
  }
  return ids.narrow(/*dim=*/0, 0, count * length).view({count, length});
}

} // namespace ma
