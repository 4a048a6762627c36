// What an ablation is: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/common/find.h"

#include "libma/core/yaml.h"
#include "libma/eval/bos.h"
#include "libma/eval/corpus.h"
#include "libma/eval/windows.h"
#include "libma/interventions/intervention.h"

namespace ma::experiments {

/// Blocks that a condition edits.
struct LayerChoice {
  enum class Kind { kAuto, kAll, kListed };
  Kind kind = Kind::kAuto;
  std::vector<std::int64_t> layers = {}; ///< kListed, 0-based
};

/// Entries that a condition edits; what is left out is discovered.
struct SelectionSettings {
  bool is_massive = false;           ///< the sites that were found
  std::int64_t n_sites = 0;          ///< massive: the strongest n; 0 is all
  bool has_discovered_count = false; ///< as many entries as are massive
  Selection selection;               ///< everything else
};

struct ConditionSettings {
  std::string name;
  std::string kind; ///< of intervention; empty for the unedited model
  LayerChoice layer;
  std::string site; ///< "resid_post"
  SelectionSettings select;
  bool is_mean = false;        ///< set_value to the calibration mean
  InterventionOptions numbers; ///< value, factor, low and high alone
};

struct PerplexitySettings {
  std::string name; ///< heading of the column
  std::string task; ///< name of a fetched text, or a file
  DocumentMode documents = DocumentMode::kJoined;
  WindowOptions windows;
};

/// The zero-shot tasks of a table.
struct ZeroShotSettings {
  std::vector<std::string> tasks; ///< names or files
  BosProfile profile = BosProfile::kLmEvalCurrent;
  std::int64_t limit = 0; ///< documents of each task; 0: all
};

struct AblationSettings {
  ModelSettings model;
  FindSettings find;
  std::vector<ConditionSettings> conditions;
  std::vector<PerplexitySettings> perplexity;
  std::vector<ZeroShotSettings> zero_shot;
  std::int64_t tokens_per_pass = 0;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
AblationSettings read_ablation_settings(const Yaml& config);

} // namespace ma::experiments
