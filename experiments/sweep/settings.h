// What a run of sweeps is: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/common/evaluation_settings.h"
#include "experiments/common/find.h"

#include "libma/core/yaml.h"
#include "libma/eval/sweeps.h"

namespace ma::experiments {

/// One entry of `sweeps`.
struct SweepSettings {
  std::string name;     ///< of its table, sweep_<name>
  SweepOptions options; ///< without means
  std::vector<std::int64_t> sequences =
      {}; ///< mean_from: the numbers of calibration sequences
};

/// The map `evaluate.repetition`.
struct RepetitionSettings {
  std::int64_t prompts = 8;        ///< the first windows of the first text
  std::int64_t prompt_tokens = 32; ///< their first tokens
  std::int64_t new_tokens = 64;
};

struct SweepRunSettings {
  ModelSettings model;
  FindSettings find;
  std::vector<SweepSettings> sweeps; ///< at least one; names differ
  EvaluationSettings evaluation;     ///< at least one text
  std::optional<RepetitionSettings> repetition;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
SweepRunSettings read_sweep_settings(const Yaml& config);

} // namespace ma::experiments
