// One light pass over each stream: compare and count, a few dims a thread.
#include "libma/analysis/outlier_features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kDims =
    64; // of one thread's turn: whole cache lines, counts in registers

/// The least number of T that is not below `bound`.
template <class T>
T round_up(double bound) {
  const auto rounded = static_cast<T>(bound);
  return static_cast<double>(rounded) < bound
             ? std::nextafter(rounded, std::numeric_limits<T>::infinity())
             : rounded;
}

/// Counts in `dims` dims of the tokens of one row, which starts at `x`.
template <class T, class Real>
std::array<std::int32_t, kDims> count_row(
    const T* x,
    const RealTokens& tokens,
    std::int64_t d_model,
    std::int64_t dims,
    Real bound) {
  std::array<std::int32_t, kDims> counts = {};
  for (const ElementRange& run : tokens.runs) {
    for (std::int64_t token = run.first; token < run.last; ++token) {
      const T* values = x + token * d_model;
      for (std::int64_t dim = 0; dim < dims; ++dim) {
        counts[static_cast<std::size_t>(dim)] +=
            std::abs(static_cast<Real>(values[dim])) >= bound ? 1 : 0;
      }
    }
  }
  return counts;
}

/// Adds to `positions` and `sequences`, int64 [d_model].
template <class T>
void count_cpu(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    double magnitude,
    torch::Tensor& positions,
    torch::Tensor& sequences) {
  using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto d_model = x.size(2);
  const T* data = x.const_data_ptr<T>();
  const auto bound = round_up<Real>(magnitude);
  auto* at_positions = positions.mutable_data_ptr<std::int64_t>();
  auto* in_sequences = sequences.mutable_data_ptr<std::int64_t>();
  const auto turns = (d_model + kDims - 1) / kDims;
  at::parallel_for(
      0, turns, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t turn = begin; turn < end; ++turn) {
          const auto first = turn * kDims;
          const auto dims = std::min(kDims, d_model - first);
          for (std::size_t row = 0; row < tokens.size(); ++row) {
            const auto offset =
                static_cast<std::int64_t>(row) * x.size(1) * d_model + first;
            const auto counts =
                count_row(data + offset, tokens[row], d_model, dims, bound);
            for (std::int64_t dim = 0; dim < dims; ++dim) {
              const auto count = counts[static_cast<std::size_t>(dim)];
              at_positions[first + dim] += count;
              in_sequences[first + dim] += count > 0 ? 1 : 0;
            }
          }
        }
      });
}

/// By tensor operations, for other devices.
void count_generic(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    double magnitude,
    torch::Tensor& positions,
    torch::Tensor& sequences) {
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    auto counts =
        at::zeros({x.size(2)}, x.options().dtype(torch::kInt64)); // [d_model]
    const auto values =
        x.select(/*dim=*/0, static_cast<std::int64_t>(row)); // [pos, d_model]
    for (const ElementRange& run : tokens[row].runs) {
      const auto sizes = values.slice(/*dim=*/0, run.first, run.last).abs();
      counts += (sizes >= magnitude).sum(/*dim=*/0);
    }
    positions += counts.to(torch::kCPU);
    sequences += (counts > 0).to(torch::kCPU, torch::kInt64);
  }
}

} // namespace

OutlierCounter::OutlierCounter(std::int64_t n_layers, const OutlierRule& rule)
    : magnitude_(rule.magnitude),
      n_sequences_(static_cast<std::size_t>(n_layers)),
      n_positions_(static_cast<std::size_t>(n_layers)) {
  for (const auto& [name, value] :
       {std::pair("magnitude", rule.magnitude),
        std::pair("layer_share", rule.layer_share),
        std::pair("position_share", rule.position_share)}) {
    if (!(value >= 0)) {
      throw ConfigError(
          "outlier features",
          c10::str("option '", name, "' is ", value, "; give 0 or more"));
    }
  }
}

void OutlierCounter::observe(
    std::int64_t layer,
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens) {
  if (!positions_.defined()) {
    const auto n_layers = static_cast<std::int64_t>(n_sequences_.size());
    positions_ = at::zeros({n_layers, x.size(2)}, torch::kInt64);
    sequences_ = at::zeros({n_layers, x.size(2)}, torch::kInt64);
  }
  auto positions = positions_[layer]; // [d_model]
  auto sequences = sequences_[layer];
  if (x.is_cpu()) {
    AT_DISPATCH_FLOATING_TYPES_AND2(
        at::kHalf, at::kBFloat16, x.scalar_type(), "count_outliers", [&] {
          count_cpu<scalar_t>(
              x.contiguous(), tokens, magnitude_, positions, sequences);
        });
  } else {
    count_generic(x, tokens, magnitude_, positions, sequences);
  }
  const auto i = static_cast<std::size_t>(layer);
  n_sequences_[i] += static_cast<std::int64_t>(tokens.size());
  for (const RealTokens& row : tokens) {
    n_positions_[i] += row.count;
  }
}

OutlierCounts OutlierCounter::finish() const {
  for (const std::int64_t n_positions : n_positions_) {
    if (n_positions == 0 || n_positions != n_positions_.front()) {
      throw ShapeError(
          "outlier features",
          "no tokens were seen, or not the same number after each block");
    }
  }
  return {
      .positions = positions_.clone(),
      .sequences = sequences_.clone(),
      .n_sequences = n_sequences_.front(),
      .n_positions = n_positions_.front()};
}

std::vector<OutlierFeature> outlier_features(
    const OutlierCounts& counts, const OutlierRule& rule) {
  const auto n_layers = static_cast<double>(counts.positions.size(0));
  const auto positions = counts.positions.sum(/*dim=*/0); // [d_model]
  const auto sequences = counts.sequences.sum(/*dim=*/0);
  std::vector<OutlierFeature> features;
  for (std::int64_t dim = 0; dim < positions.numel(); ++dim) {
    OutlierFeature feature{.dim = dim};
    feature.layer_share = sequences[dim].item<double>() /
                          (n_layers * static_cast<double>(counts.n_sequences));
    feature.position_share =
        positions[dim].item<double>() /
        (n_layers * static_cast<double>(counts.n_positions));
    feature.meets_rule = feature.layer_share >= rule.layer_share &&
                         feature.position_share >= rule.position_share;
    features.push_back(feature);
  }
  return features;
}

} // namespace ma
