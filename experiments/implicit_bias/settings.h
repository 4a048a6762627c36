// What is measured of the implicit bias: the YAML file as plain structs.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/evaluation_settings.h"
#include "experiments/common/find.h"
#include "experiments/common/layer_settings.h"

#include "libma/core/yaml.h"
#include "libma/eval/implicit_bias.h"

namespace ma::experiments {

struct ImplicitBiasSettings {
  ModelSettings model;
  FindSettings find;       ///< calibration: tokens, statistics, constants
  ImplicitBiasPass bias;   ///< the seed is the run's
  LayerChoice first_layer; ///< edited from here; auto: the first behind the
                           ///< massive activations
  LayerChoice last_layer;  ///< auto: the last
  EvaluationSettings evaluation;    ///< without texts: no table
  std::vector<std::string> prompts; ///< whose value updates are written; may
                                    ///< be empty
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
ImplicitBiasSettings read_implicit_bias_settings(const Yaml& config);

} // namespace ma::experiments
