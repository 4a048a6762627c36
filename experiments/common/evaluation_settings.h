// The keys `evaluate.perplexity` and `tokens_per_pass`: what conditions are
// measured on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/yaml.h"
#include "libma/eval/corpus.h"
#include "libma/eval/windows.h"

namespace ma::experiments {

struct PerplexitySettings {
  std::string name; ///< heading of the column
  std::string task; ///< name of a fetched text, or a file
  DocumentMode documents = DocumentMode::kJoined;
  WindowOptions windows;
};

struct EvaluationSettings {
  std::vector<PerplexitySettings> perplexity; ///< names differ; may be empty
  bool divergence = false; ///< compare predictions on texts with the original's
  std::int64_t tokens_per_pass = 0;
};

/// Texts and `tokens_per_pass` of `config`; no texts when `evaluate` is absent.
/// With `needs_texts`, `evaluate` must have some where it is there. Throws
/// ConfigError, with file, line and key.
EvaluationSettings read_evaluation(const Yaml& config, bool needs_texts = true);

} // namespace ma::experiments
