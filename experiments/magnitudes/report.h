// What a run of `magnitudes` writes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/common/record.h"
#include "experiments/common/run.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/comparison.h"
#include "libma/analysis/layer_magnitudes.h"
#include "libma/core/tensor.h"
#include "libma/eval/magnitude_surface.h"

namespace ma::experiments {

/// What was measured with a BOS in front, or without.
struct Arm {
  ModelSummary summary; ///< without the profile, which `found` has
  Magnitudes found;
  std::vector<MagnitudeSurface> surfaces = {};
};

/// Writes all tables, arrays and surfaces; puts numbers and details into
/// `findings`.
void write_magnitudes(
    const std::vector<Arm>& arms,
    std::int64_t features, ///< dims of each token in features.csv
    const Run& run,
    Findings& findings);

} // namespace ma::experiments
