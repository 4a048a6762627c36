// What an ablation over images is: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/common/condition_settings.h"
#include "experiments/common/images.h"

#include "libma/eval/image_ablation.h"

namespace ma::experiments {

/// One set of images and its columns of the table.
struct ImageTaskSettings {
  std::string name;
  ImagesSettings images;
  std::vector<ImageMetric> metrics;
  std::int64_t k = 10;             ///< neighbours
  bool has_own_means = false;      ///< whether `value: mean` takes the means of
                                   ///< these images, not of those of `find`
  std::filesystem::path head = {}; ///< a linear classifier; empty: the model's
  std::vector<std::string> prompts = {}; ///< templates with "{}" for zero-shot
                                         ///< classification; empty: none
};

struct ImageAblationSettings {
  ModelSettings model;
  ImagesSettings find;
  MassiveCriterion criterion;
  std::vector<ConditionSettings> conditions;
  std::vector<ImageTaskSettings> tasks;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
ImageAblationSettings read_image_ablation_settings(const Yaml& config);

} // namespace ma::experiments
