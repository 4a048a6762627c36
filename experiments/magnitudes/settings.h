// What is measured of a model's magnitudes: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/common/find.h"
#include "experiments/common/layer_settings.h"

#include "libma/analysis/layer_magnitudes.h"
#include "libma/core/yaml.h"

namespace ma::experiments {

struct SurfaceSettings {
  std::vector<std::string> prompts;
  LayerChoice layers;   ///< -1: the embeddings; auto: around the strongest
                        ///< site's peak, and the last
  std::int64_t top = 3; ///< dims of each token in features.csv
};

struct MagnitudesSettings {
  ModelSettings model;
  FindSettings find;
  std::vector<bool> arms; ///< whether a BOS stands in front; at least one
  MagnitudeOptions options;
  SurfaceSettings surface;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
MagnitudesSettings read_magnitudes_settings(const Yaml& config);

} // namespace ma::experiments
