// What a comparison of models is: the YAML file as plain structs.
#pragma once

#include <vector>

#include "experiments/common/find.h"

#include "libma/core/yaml.h"
#include "libma/eval/compare_models.h"

namespace ma::experiments {

struct FindMassiveSettings {
  FindSettings find;
  std::vector<ModelRequest> models; ///< at least one; labels differ
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
FindMassiveSettings read_find_massive_settings(const Yaml& config);

} // namespace ma::experiments
