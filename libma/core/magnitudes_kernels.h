// The kernels behind magnitudes.h, on the CPU and by tensor operations for
// other devices.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/core/magnitudes.h"
#include "libma/core/tensor.h"

namespace ma::detail {

/// A superset of what a query asks for.
struct Candidates {
  double median = 0;
  std::vector<double> at_shares; ///< as RowMagnitudes::at_shares
  std::vector<Entry>
      entries; ///< every hit and at least the `top` largest, in any order
};

/// Candidates of `query` in `row` of the contiguous CPU tensor `x`.
Candidates find_candidates_cpu(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    const MagnitudeQuery& query);

/// nearest_magnitudes for a contiguous CPU tensor; `count` is at most the
/// number of elements.
std::vector<std::int64_t> nearest_magnitudes_cpu(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    double centre,
    std::int64_t count);

/// As find_candidates_cpu with tensor operations only, for any device.
Candidates find_candidates_generic(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    const MagnitudeQuery& query);

/// As nearest_magnitudes_cpu with tensor operations only, for any device.
std::vector<std::int64_t> nearest_magnitudes_generic(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    double centre,
    std::int64_t count);

} // namespace ma::detail
