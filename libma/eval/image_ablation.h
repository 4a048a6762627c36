// What edits of a vision model cost: all conditions in one pass over the
// images (Sun et al. 2024, table 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/progress.h"
#include "libma/core/table.h"
#include "libma/eval/conditions.h"
#include "libma/eval/image_features.h"
#include "libma/eval/image_head.h"
#include "libma/eval/image_source.h"
#include "libma/models/vision_model.h"

namespace ma {

/// What to measure on a set of images.
enum class ImageMetric {
  kCosine,  ///< of the pooled vector with that of the unedited model: mean and
            ///< minimum
  kNearest, ///< share of images that keep their nearest neighbour
  kKnn,     ///< accuracy of the k nearest neighbours, leave one out
  kProbe,   ///< accuracy of linear probes trained on the unedited model
  kTop,     ///< top-1 and top-5 accuracy of the classifier
};

/// The metric called "cosine", "nearest", "knn", "probe" or "top". Throws
/// UnknownNameError located at `where`.
ImageMetric parse_image_metric(const std::string& name, std::string_view where);

/// A set of images and what to measure on it.
struct ImageTask {
  std::string name;
  ImageSource source;
  std::vector<ImageMetric> metrics = {};
  std::int64_t k = 10; ///< neighbours
  ProbeOptions probe = {};
  std::optional<ImageHead> head = {}; ///< in place of the model's own
};

/// One number of a condition.
struct ImageScore {
  std::string condition;
  std::string metric; ///< "cosine", "knn accuracy"
  std::string unit;   ///< "%", or none
  Estimate value;
};

/// What was measured on one set of images.
struct ImageTaskResult {
  std::string task;
  ImageReport images = {};
  std::vector<ImageScore> scores = {}; ///< condition by condition
  std::vector<std::vector<std::int64_t>> edited =
      {}; ///< entries written by each edit of each condition
};

/// Measures one task. The pooled vectors of all conditions are kept, [images,
/// d_pooled] in float32; nothing else is.
///
/// Throws ConfigError when a metric needs labels, a classifier or an unedited
/// condition that is not there, the classes of images and classifier differ in
/// number, an edit wrote nothing, or a pooled vector is not finite; FileError
/// when no image could be read.
ImageTaskResult evaluate_images(
    const VisionModel& model,
    const std::vector<Condition>& conditions,
    const ImageTask& task,
    const ProgressFn& progress = {});

/// A row for each condition, a column for each task and metric.
Table image_table(
    const std::vector<Condition>& conditions,
    const std::vector<ImageTaskResult>& results);

/// For journals.
nlohmann::json to_json(const ImageTaskResult& result);
ImageTaskResult image_task_result_from_json(const nlohmann::json& json);

} // namespace ma
