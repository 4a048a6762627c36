// Argument checks, choice of kernel, and the exact filter over its candidates.
#include "libma/core/magnitudes.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>

#include "libma/core/error.h"
#include "libma/core/magnitudes_kernels.h"

namespace ma {
namespace {

void check(const torch::Tensor& x, const std::vector<ElementRange>& row) {
  if (!x.is_floating_point()) {
    throw ShapeError(
        "magnitudes",
        c10::str("expected a floating tensor, got ", x.scalar_type()));
  }
  if (element_count(row) == 0) {
    throw ShapeError(
        "magnitudes", "a row has no elements; its median does not exist");
  }
}

/// Larger magnitude first, NaN before everything, ties by index.
bool is_larger(const Entry& a, const Entry& b) {
  const double a_size = std::isnan(a.value) ? std::numeric_limits<double>::max()
                                            : std::abs(a.value);
  const double b_size = std::isnan(b.value) ? std::numeric_limits<double>::max()
                                            : std::abs(b.value);
  if (std::isnan(a.value) != std::isnan(b.value)) {
    return std::isnan(a.value);
  }
  return a_size != b_size ? a_size > b_size : a.index < b.index;
}

} // namespace

std::int64_t rank_of_share(double share, std::int64_t n) {
  const auto descending =
      static_cast<std::int64_t>(std::ceil(share * static_cast<double>(n)));
  return n - std::clamp<std::int64_t>(descending, 1, n);
}

std::int64_t element_count(const std::vector<ElementRange>& row) {
  std::int64_t count = 0;
  for (const ElementRange& range : row) {
    count += range.last - range.first;
  }
  return count;
}

RowMagnitudes scan_magnitudes(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    const MagnitudeQuery& query) {
  check(x, row);
  auto found = x.is_cpu()
                   ? detail::find_candidates_cpu(x.contiguous(), row, query)
                   : detail::find_candidates_generic(x, row, query);
  RowMagnitudes result;
  result.median = found.median;
  result.at_shares = std::move(found.at_shares);
  for (const Entry& entry : found.entries) {
    const double size = std::abs(entry.value);
    if (size > query.magnitude && size > query.ratio * found.median) {
      result.hits.push_back(entry);
    }
  }
  std::sort(
      result.hits.begin(),
      result.hits.end(),
      [](const Entry& a, const Entry& b) { return a.index < b.index; });
  const auto top =
      std::min(static_cast<std::size_t>(query.top), found.entries.size());
  const auto top_end = found.entries.begin() + static_cast<std::ptrdiff_t>(top);
  std::partial_sort(
      found.entries.begin(), top_end, found.entries.end(), is_larger);
  result.top.assign(found.entries.begin(), top_end);
  return result;
}

std::vector<RowMagnitudes> scan_rows(
    const torch::Tensor& x,
    const std::vector<std::vector<ElementRange>>& rows,
    const MagnitudeQuery& query) {
  std::vector<RowMagnitudes> results(rows.size());
  const auto scan = [&](std::int64_t begin, std::int64_t end) {
    for (auto row = static_cast<std::size_t>(begin);
         row < static_cast<std::size_t>(end);
         ++row) {
      results[row] = scan_magnitudes(x, rows[row], query);
    }
  };
  const auto n_rows = static_cast<std::int64_t>(rows.size());
  if (x.is_cpu() && n_rows >= at::get_num_threads()) {
    at::parallel_for(
        0,
        n_rows,
        /*grain_size=*/1,
        scan); // one row a thread saves the merging of shares
  } else {
    scan(0, n_rows);
  }
  return results;
}

double median_magnitude(
    const torch::Tensor& x, const std::vector<ElementRange>& row) {
  return scan_magnitudes(x, row, {}).median;
}

std::vector<std::int64_t> nearest_magnitudes(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    double centre,
    std::int64_t count) {
  check(x, row);
  count = std::min(count, element_count(row));
  return x.is_cpu() ? detail::nearest_magnitudes_cpu(
                          x.contiguous(), row, centre, count)
                    : detail::nearest_magnitudes_generic(x, row, centre, count);
}

} // namespace ma
