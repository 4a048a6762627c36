// What an ablation is: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/common/condition_settings.h"
#include "experiments/common/evaluation_settings.h"
#include "experiments/common/find.h"

#include "libma/core/yaml.h"
#include "libma/eval/bos.h"

namespace ma::experiments {

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
  EvaluationSettings evaluation;
  std::vector<ZeroShotSettings> zero_shot;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
AblationSettings read_ablation_settings(const Yaml& config);

} // namespace ma::experiments
