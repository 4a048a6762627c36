// Texts to score, and WikiText's pages as lm-evaluation-harness makes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ma {

/// A text to score and the size of what it stands for.
struct Document {
  std::string text;       ///< UTF-8, what is tokenised
  std::int64_t bytes = 0; ///< of the original text
  std::int64_t words = 0; ///< of the original: `len(re.split(r"\s+", text))`
};

/// `text` as it is, with its own size.
Document plain_document(std::string text);

/// The pages of WikiText's raw file (title lines `= Title =` begin a page),
/// detokenised; `bytes` and `words` are those of the page before detokenising.
/// lm-evaluation-harness task `wikitext`: 62 pages of the test file of
/// WikiText-2.
std::vector<Document> wikitext_documents(std::string_view raw);

/// Undoes WikiText's tokenisation, rule for rule as lm-evaluation-harness's
/// `wikitext_detokenizer`.
std::string detokenize_wikitext(std::string page);

} // namespace ma
