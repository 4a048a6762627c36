// Corpus: the texts of a fetched data set or of a user's file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/eval/documents.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma {

/// Texts in the order of their file.
struct Corpus {
  std::string name;               ///< as asked for
  std::filesystem::path path;     ///< the file that was read
  std::vector<std::string> texts; ///< rows of JSON Lines; one for a plain file

  /// All texts with an empty line between each two, as the paper joins them.
  std::string joined() const;
};

/// Reads the corpus `name_or_path`: a name that `libma fetch` has brought to
/// `home`, a `.jsonl` file with the field `text`, or any other file as one
/// UTF-8 text. Throws FileError.
Corpus load_corpus(
    const std::string& name_or_path, const std::filesystem::path& home);

/// The documents that a perplexity protocol scores: each text by itself for
/// `lm-eval-rolling` (the pages of a plain file, taken for WikiText's), else
/// the joined text.
std::vector<Document> corpus_documents(
    const Corpus& corpus, const std::string& protocol);

/// The first `count` stretches of `length` tokens of the joined text, without
/// special tokens in front: int64 [count, length]. Throws ConfigError when the
/// text is too short.
torch::Tensor calibration_sequences(
    const Corpus& corpus,
    const Tokenizer& tokenizer,
    std::int64_t count,
    std::int64_t length);

} // namespace ma
