// What is asked of a model's weights: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "experiments/common/evaluation_settings.h"
#include "experiments/common/find.h"
#include "experiments/common/layer_settings.h"

#include "libma/core/yaml.h"
#include "libma/eval/find_super_weights.h"

namespace ma::experiments {

struct WeightsSettings {
  ModelSettings model;
  FindSettings find;
  std::int64_t search_sequences = 0; ///< of the calibration sequences, for
                                     ///< super weights and contributions
  SuperWeightOptions search;
  LayerChoice layer; ///< block of the entry that is decomposed; auto: found
  std::optional<std::int64_t> dim; ///< its dim; unset: found
  std::int64_t top_neurons = 0;
  double step_share = 0;
  LayerChoice spectra; ///< whose matrices are taken apart; kAuto: where
                       ///< something was found
  std::int64_t top_singular_values = 0;
  EvaluationSettings evaluation; ///< without texts: no table
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
WeightsSettings read_weights_settings(const Yaml& config);

} // namespace ma::experiments
