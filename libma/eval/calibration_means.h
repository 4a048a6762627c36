// Means over the first n calibration sequences, for several n.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/eval/sequence_pass.h"
#include "libma/models/model.h"

namespace ma {

/// The mean of the stream after each block over the first n of `sequences`,
/// int64 [all, length], for each n of `counts`, in one pass: by n, float64
/// [layer, 2, d_model], at the first position and at all others. Throws
/// ConfigError on a count that is not positive, ShapeError when there are fewer
/// sequences.
std::map<std::int64_t, torch::Tensor> calibration_means(
    const Model& model,
    const torch::Tensor& sequences,
    const std::vector<std::int64_t>& counts,
    const SequencePassOptions& options = {.stage = "calibration means"});

} // namespace ma
