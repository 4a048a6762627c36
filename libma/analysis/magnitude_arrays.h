// Magnitudes as named arrays, for files and for NumPy.
#pragma once

#include <map>
#include <string>

#include "libma/analysis/layer_magnitudes.h"
#include "libma/core/tensor.h"

namespace ma {

/// All numbers but the profile's; streams are the one before block 0, then that
/// after each block.
///
/// float64 [stream], means over sequences: `median`, `top_1_percent`,
/// `top_10_percent`, `top_1_over_2`, with `detail` the fields of EntryShape;
/// [stream, 5]: `top`, `top_over_median`. Each has its standard deviation (n -
/// 1) under its name with `_std`. `massive_share` float64 [stream],
/// `float16_overflows` int64 [stream]. `class_means`, `class_stds` and
/// `class_magnitudes` float64 [stream, class, d_model], `class_counts` int64
/// [class]: see ClassValues. `outlier_positions` and `outlier_sequences` int64
/// [layer, d_model]: see OutlierCounts.
std::map<std::string, torch::Tensor> magnitude_arrays(
    const Magnitudes& magnitudes);

} // namespace ma
