// The key `perplexity`: texts to evaluate on.
#pragma once

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

/// The list `perplexity` of the map `evaluate`; empty when it is absent. Throws
/// ConfigError, with file, line and key.
std::vector<PerplexitySettings> read_perplexity(const Yaml& evaluate);

} // namespace ma::experiments
