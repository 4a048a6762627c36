// Corpus: the texts of a fetched data set or of a user's file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libma/eval/documents.h"

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

/// What a perplexity protocol takes for a document.
enum class DocumentMode {
  kJoined,        ///< all texts as one
  kRows,          ///< each text by itself
  kWikitextPages, ///< the detokenised pages of WikiText's raw file
};

/// The documents of `corpus`. Throws ConfigError when pages are asked for of
/// anything but a plain file.
std::vector<Document> corpus_documents(const Corpus& corpus, DocumentMode mode);

} // namespace ma
