// The kernels by tensor operations, for devices other than the CPU. Temporaries
// are of the row's size and dtype.
#include <algorithm>
#include <cmath>
#include <limits>

#include "libma/core/magnitudes_kernels.h"

namespace ma::detail {
namespace {

constexpr std::int64_t kSample = 16384; // elements that bracket a median

/// The elements of `row`, [n].
torch::Tensor gather_row(
    const torch::Tensor& x, const std::vector<ElementRange>& row) {
  const auto flat = x.flatten();
  std::vector<torch::Tensor> parts;
  parts.reserve(row.size());
  for (const ElementRange& range : row) {
    parts.push_back(flat.slice(/*dim=*/0, range.first, range.last));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

/// From numbers within the row (ascending, int64 [n]) to indices into the
/// flattened tensor.
std::vector<std::int64_t> flat_indices(
    const torch::Tensor& numbers, const std::vector<ElementRange>& row) {
  const auto on_cpu = numbers.to(torch::kCPU).contiguous();
  const auto* number = on_cpu.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> indices;
  std::size_t range = 0;
  std::int64_t passed = 0;
  for (std::int64_t i = 0; i < on_cpu.numel(); ++i) {
    while (number[i] - passed >= row[range].last - row[range].first) {
      passed += row[range].last - row[range].first;
      ++range;
    }
    indices.push_back(row[range].first + number[i] - passed);
  }
  return indices;
}

/// torch.median of `values` [n], none of them negative. A sorted sample
/// brackets the median, and only what lies in the bracket is sorted: a device's
/// own median reads all values many times from one block of threads.
double median_of(const torch::Tensor& values) {
  const auto n = values.numel();
  if (n < 8 * kSample) {
    return values.median().item<double>();
  }
  if (values.isnan().any().item<bool>()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const auto rank = (n - 1) / 2;         // the lower of two middles
  const auto stride = (n / kSample) | 1; // odd, so that it meets every dim
  const auto sample = std::get<0>(values.slice(/*dim=*/0, 0, n, stride).sort());
  const auto middle = sample.numel() / 2;
  const auto margin =
      static_cast<std::int64_t>(4 * std::sqrt(static_cast<double>(middle)));
  const auto low = sample[middle - margin];
  const auto high = sample[middle + margin];
  const auto below = (values < low).sum().item<std::int64_t>();
  const auto inside =
      values.masked_select((values >= low).logical_and_(values <= high));
  if (rank < below || rank >= below + inside.numel()) {
    return std::get<0>(values.sort())[rank].item<double>(); // the sample misled
  }
  return std::get<0>(inside.sort())[rank - below].item<double>();
}

} // namespace

Candidates find_candidates_generic(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    const MagnitudeQuery& query) {
  const auto values = gather_row(x, row);
  const auto magnitudes = values.abs();
  Candidates found;
  found.median = median_of(magnitudes);
  if (!query.shares.empty()) {
    const auto sorted = std::get<0>(magnitudes.sort()); // NaN comes last
    const auto n = sorted.numel();
    const bool has_nan = sorted[n - 1].isnan().item<bool>();
    for (const double share : query.shares) {
      const auto rank = has_nan ? n - 1 : rank_of_share(share, n);
      found.at_shares.push_back(sorted[rank].item<double>());
    }
  }
  auto wanted =
      at::ge(magnitudes, std::max(query.magnitude, query.ratio * found.median));
  if (query.top > 0) {
    const auto top = std::min(query.top, magnitudes.numel());
    const auto smallest = std::get<0>(magnitudes.topk(top)).min();
    wanted = wanted.logical_or(magnitudes >= smallest)
                 .logical_or(magnitudes.isnan());
  }
  const auto numbers = wanted.nonzero().squeeze(1); // [n]
  const auto kept = values.index_select(/*dim=*/0, numbers)
                        .to(torch::kCPU)
                        .to(torch::kFloat64);
  const auto indices = flat_indices(numbers, row);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    found.entries.push_back({indices[i], kept.const_data_ptr<double>()[i]});
  }
  return found;
}

std::vector<std::int64_t> nearest_magnitudes_generic(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    double centre,
    std::int64_t count) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto distances = (gather_row(x, row).abs().to(torch::kFloat64) - centre)
                             .abs()
                             .nan_to_num(infinity, infinity, infinity);
  const auto farthest =
      std::get<0>(distances.topk(count, /*dim=*/0, /*largest=*/false)).max();
  const auto closer = (distances < farthest).nonzero().squeeze(1);
  const auto ties = (distances == farthest)
                        .nonzero()
                        .squeeze(1)
                        .slice(/*dim=*/0, 0, count - closer.numel());
  return flat_indices(std::get<0>(at::cat({closer, ties}).sort()), row);
}

} // namespace ma::detail
