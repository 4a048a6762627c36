// Each thread sums a few dims over all positions, so that the order of
// additions is fixed.
#include "libma/analysis/position_sums.h"

#include <array>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

namespace ma {
namespace {

constexpr std::int64_t kDims = 64; // of one thread's turn: whole cache lines,
                                   // sums in registers or the first cache

template <class T>
void add_dims(
    const T* x,
    std::int64_t first_token,
    std::int64_t last_token,
    std::int64_t d_model,
    std::int64_t dims,
    double* sums) {
  std::array<double, kDims> local = {};
  for (std::int64_t token = first_token; token < last_token; ++token) {
    const T* values = x + token * d_model;
    for (std::int64_t dim = 0; dim < dims; ++dim) {
      local[static_cast<std::size_t>(dim)] += static_cast<double>(values[dim]);
    }
  }
  for (std::int64_t dim = 0; dim < dims; ++dim) {
    sums[dim] += local[static_cast<std::size_t>(dim)];
  }
}

template <class T>
void add_cpu(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    torch::Tensor& sums) {
  const auto d_model = x.size(2);
  const T* data = x.const_data_ptr<T>();
  auto* start = sums.mutable_data_ptr<double>();
  auto* other = start + d_model;
  const auto turns = (d_model + kDims - 1) / kDims;
  at::parallel_for(
      0, turns, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t turn = begin; turn < end; ++turn) {
          const auto dim = turn * kDims;
          const auto dims = std::min(kDims, d_model - dim);
          for (std::size_t row = 0; row < tokens.size(); ++row) {
            const auto base = static_cast<std::int64_t>(row) * x.size(1);
            auto first = base + tokens[row].column(0);
            add_dims(data + dim, first, first + 1, d_model, dims, start + dim);
            ++first;
            for (const ElementRange& run : tokens[row].runs) {
              add_dims(
                  data + dim,
                  std::max(first, base + run.first),
                  base + run.last,
                  d_model,
                  dims,
                  other + dim);
            }
          }
        }
      });
}

/// By tensor operations, for other devices; sums of one row in at least
/// float32.
void add_generic(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    torch::Tensor& sums) {
  const auto precise =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  auto start = at::zeros({x.size(2)}, x.options().dtype(torch::kFloat64));
  auto other = at::zeros_like(start);
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    const auto values =
        x.select(/*dim=*/0, static_cast<std::int64_t>(row)); // [pos, d_model]
    const auto first = tokens[row].column(0);
    start += values[first];
    for (const ElementRange& run : tokens[row].runs) {
      other += values.slice(/*dim=*/0, std::max(first + 1, run.first), run.last)
                   .sum(/*dim=*/0, false, precise);
    }
  }
  sums += at::stack({start, other}).to(torch::kCPU);
}

} // namespace

void add_position_sums(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    torch::Tensor& sums) {
  if (!x.is_cpu()) {
    return add_generic(x, tokens, sums);
  }
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, x.scalar_type(), "add_position_sums", [&] {
        add_cpu<scalar_t>(x.contiguous(), tokens, sums);
      });
}

} // namespace ma
