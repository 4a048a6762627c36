// What is measured of the tokens of images: the YAML file as plain structs.
#pragma once

#include "experiments/common/find.h"
#include "experiments/common/images.h"

#include "libma/core/yaml.h"
#include "libma/eval/measure_tokens.h"

namespace ma::experiments {

struct ImageTokensSettings {
  ModelSettings model;
  ImagesSettings images;
  MeasureTokensOptions measure;
  bool registers_where_there_are =
      false;                  ///< measure.register_means follows the model
  MassiveCriterion criterion; ///< of the entries of register means
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
ImageTokensSettings read_image_tokens_settings(const Yaml& config);

} // namespace ma::experiments
