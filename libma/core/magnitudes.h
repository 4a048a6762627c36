// Order statistics of |x|: exact medians and the largest entries of a row, in
// two passes and without temporaries on the CPU.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "libma/core/tensor.h"

namespace ma {

/// Elements [first, last) of a flattened tensor.
struct ElementRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// One element of a tensor.
struct Entry {
  std::int64_t index = 0; ///< into the flattened tensor
  double value = 0;       ///< signed
};

/// What to look for in a row.
struct MagnitudeQuery {
  double magnitude =
      std::numeric_limits<double>::infinity(); ///< hits: |x| > magnitude ...
  double ratio = 0;     ///< ... and |x| > ratio * median(|x|), no unit
  std::int64_t top = 0; ///< how many of the largest to return
  std::vector<double> shares =
      {}; ///< in (0, 1]: 0.01 asks for the magnitude that the largest 1 % reach
};

/// What was found in a row.
struct RowMagnitudes {
  double median = 0; ///< torch.median(|x|): the lower of two middles, NaN when
                     ///< an element is NaN
  std::vector<Entry>
      hits; ///< entries that meet both thresholds, ascending index
  std::vector<Entry> top; ///< largest magnitude first, ties by index; NaN
                          ///< counts as the largest
  std::vector<double> at_shares; ///< for each of `shares` the magnitude of
                                 ///< descending rank ceil(share * n), from 1;
                                 ///< NaN when an element is NaN
};

/// The ascending rank, from 0, of the magnitude that the largest `share` of `n`
/// elements reach.
std::int64_t rank_of_share(double share, std::int64_t n);

/// Median, hits and largest entries of |x| over `row`: ascending, disjoint
/// ranges of x.flatten(). `x` is any floating tensor. Exact, and the same for
/// any number of threads. Throws ShapeError when `row` is empty or `x` is not
/// floating.
RowMagnitudes scan_magnitudes(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    const MagnitudeQuery& query);

/// scan_magnitudes of each of `rows`, several at a time.
std::vector<RowMagnitudes> scan_rows(
    const torch::Tensor& x,
    const std::vector<std::vector<ElementRange>>& rows,
    const MagnitudeQuery& query);

/// torch.median(|x|) over `row`.
double median_magnitude(
    const torch::Tensor& x, const std::vector<ElementRange>& row);

/// Flat indices, ascending, of the `count` elements of `row` whose magnitude is
/// closest to `centre`; ties by index.
std::vector<std::int64_t> nearest_magnitudes(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    double centre,
    std::int64_t count);

/// Number of elements in `row`.
std::int64_t element_count(const std::vector<ElementRange>& row);

} // namespace ma
