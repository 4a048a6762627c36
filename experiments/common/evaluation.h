// Evaluating conditions on texts: columns of perplexity, and going on where an
// earlier run stopped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/common/perplexity_settings.h"
#include "experiments/common/problems.h"
#include "experiments/common/run.h"

#include "libma/core/journal.h"
#include "libma/eval/ablation.h"
#include "libma/eval/corpus.h"
#include "libma/io/tokenizer/tokenizer.h"
#include "libma/models/model.h"

namespace ma::experiments {

/// Texts, each read once.
class Corpora {
 public:
  /// Fetched texts are looked for in `home`.
  explicit Corpora(std::filesystem::path home) : home_(std::move(home)) {}

  /// The text of that name or file. Throws as load_corpus does.
  const Corpus& operator[](const std::string& name);

  /// SHA-256 of the files that were read, by path.
  std::map<std::string, std::string> hashes() const;

 private:
  std::filesystem::path home_;
  std::map<std::string, Corpus> loaded_;
};

/// A column for each of `settings`; with `divergence`, predictions are compared
/// with the unedited model's. Throws as load_corpus and make_windows do.
std::vector<AblationTask> perplexity_tasks(
    const std::vector<PerplexitySettings>& settings,
    Corpora& corpora,
    const Tokenizer& tokenizer,
    bool divergence = false);

/// Looks whether the texts are there.
void check_texts(
    const std::vector<PerplexitySettings>& settings,
    const std::filesystem::path& home,
    Checks& checks);

/// evaluate_conditions, without what `journal` has from an earlier run; each
/// new score joins it. Throws as evaluate_conditions does.
AblationResult evaluate(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    std::int64_t tokens_per_pass,
    JsonlJournal& journal,
    const Run& run);

} // namespace ma::experiments
