// Which tokens are followed where: the YAML file as plain structs.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/find.h"
#include "experiments/common/layer_settings.h"

#include "libma/core/yaml.h"

namespace ma::experiments {

struct TrajectorySettings {
  ModelSettings model;
  FindSettings find; ///< which tokens are massive, and both groups of tokens
  std::vector<std::string> prompts; ///< may be empty
  LayerChoice layer;                ///< a block, or auto
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
TrajectorySettings read_trajectory_settings(const Yaml& config);

} // namespace ma::experiments
