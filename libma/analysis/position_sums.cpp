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

/// The column behind the first `own` real tokens.
std::int64_t end_of_own(const RealTokens& tokens, std::int64_t own) {
  return own > 0 ? tokens.column(own - 1) + 1 : 0;
}

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
  const auto n_own = sums.size(0) - 1;
  const T* data = x.const_data_ptr<T>();
  auto* totals = sums.mutable_data_ptr<double>();
  const auto turns = (d_model + kDims - 1) / kDims;
  at::parallel_for(
      0, turns, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t turn = begin; turn < end; ++turn) {
          const auto dim = turn * kDims;
          const auto dims = std::min(kDims, d_model - dim);
          const auto add =
              [&](std::int64_t first, std::int64_t last, std::int64_t kind) {
                double* total = totals + kind * d_model + dim;
                add_dims(data + dim, first, last, d_model, dims, total);
              };
          for (std::size_t row = 0; row < tokens.size(); ++row) {
            const auto base = static_cast<std::int64_t>(row) * x.size(1);
            const auto own = std::min(n_own, tokens[row].count);
            for (std::int64_t i = 0; i < own; ++i) {
              const auto token = base + tokens[row].column(i);
              add(token, token + 1, i);
            }
            const auto first = base + end_of_own(tokens[row], own);
            for (const ElementRange& run : tokens[row].runs) {
              add(std::max(first, base + run.first), base + run.last, n_own);
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
  const auto n_own = sums.size(0) - 1;
  auto totals = at::zeros(sums.sizes(), x.options().dtype(torch::kFloat64));
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    const auto values =
        x.select(/*dim=*/0, static_cast<std::int64_t>(row)); // [pos, d_model]
    const auto own = std::min(n_own, tokens[row].count);
    for (std::int64_t i = 0; i < own; ++i) {
      totals[i] += values[tokens[row].column(i)];
    }
    const auto first = end_of_own(tokens[row], own);
    for (const ElementRange& run : tokens[row].runs) {
      totals[n_own] +=
          values.slice(/*dim=*/0, std::max(first, run.first), run.last)
              .sum(/*dim=*/0, false, precise);
    }
  }
  sums += totals.to(torch::kCPU);
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
