// A thread takes the rows of one head after the other: a row, its sums and its
// logarithms stay in the first cache.
#include "libma/analysis/pattern_sums.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kRows = 64; // whose sums are float32

void check(const torch::Tensor& x, const char* where) {
  if (x.dim() != 4 || x.size(2) != x.size(3) || x.numel() == 0 ||
      !x.is_floating_point()) {
    throw ShapeError(
        where,
        c10::str(
            "expected floating [batch, head, query_pos, key_pos] with one "
            "query for each key, got ",
            x.scalar_type(),
            " ",
            x.sizes()));
  }
}

/// log(x) of a positive normal number, relative error below 2e-7; some finite
/// number for 0. Without branches or tables, so that loops of it become vector
/// instructions (polynomial: Moshier, Cephes).
float fast_log(float x) {
  constexpr std::int32_t kRootHalf = 0x3f3504f3; // bits of sqrt(1/2)
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t exponent = (bits - kRootHalf) >> 23;
  const float m = std::bit_cast<float>(bits - (exponent << 23)) - 1.0F;
  float y = 7.0376836292e-2F;
  y = y * m - 1.1514610310e-1F;
  y = y * m + 1.1676998740e-1F;
  y = y * m - 1.2420140846e-1F;
  y = y * m + 1.4249322787e-1F;
  y = y * m - 1.6668057665e-1F;
  y = y * m + 2.0000714765e-1F;
  y = y * m - 2.4999993993e-1F;
  y = y * m + 3.3333331174e-1F;
  const float square = m * m;
  return m - 0.5F * square + y * m * square +
         0.69314718056F * static_cast<float>(exponent);
}

/// Adds a row of probabilities, and the terms of its entropy, key by key.
void add_pattern_row(
    const float* row, std::int64_t n_keys, float* received, float* entropy) {
  for (std::int64_t key = 0; key < n_keys; ++key) {
    const float p = row[key];
    received[key] += p;
    entropy[key] -= p * fast_log(p);
  }
}

/// Adds a row of scores where they are not -inf, and how many those are.
void add_score_row(
    const float* row, std::int64_t n_keys, float* sum, float* count) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  for (std::int64_t key = 0; key < n_keys; ++key) {
    const bool is_seen = row[key] != kMasked;
    sum[key] += is_seen ? row[key] : 0.0F;
    count[key] += is_seen ? 1.0F : 0.0F;
  }
}

/// The row itself, or its conversion to float32 in `buffer`.
template <class T>
const float* float_row(
    const T* row, std::int64_t n_keys, std::vector<float>& buffer) {
  if constexpr (std::is_same_v<T, float>) {
    return row;
  } else {
    for (std::int64_t key = 0; key < n_keys; ++key) {
      buffer[static_cast<std::size_t>(key)] = static_cast<float>(row[key]);
    }
    return buffer.data();
  }
}

/// Two sums over queries for each key, float64 [slice, key_pos] each.
struct TwoSums {
  torch::Tensor first, second;
};

/// Adds `part` to `total` and clears it.
void flush(std::vector<float>& part, double* total) {
  for (std::size_t key = 0; key < part.size(); ++key) {
    total[key] += static_cast<double>(part[key]);
    part[key] = 0;
  }
}

/// `add_row(row, n_keys, first, second)` for each row of `x` [slice, query_pos,
/// key_pos], contiguous on the CPU.
template <class T, class AddRow>
TwoSums sum_rows(const torch::Tensor& x, bool is_causal, AddRow add_row) {
  const auto n_pos = x.size(2);
  const auto width = static_cast<std::size_t>(n_pos);
  TwoSums sums{
      at::zeros({x.size(0), n_pos}, torch::kFloat64),
      at::zeros({x.size(0), n_pos}, torch::kFloat64)};
  const T* data = x.const_data_ptr<T>();
  auto* first = sums.first.mutable_data_ptr<double>();
  auto* second = sums.second.mutable_data_ptr<double>();
  at::parallel_for(
      0, x.size(0), /*grain_size=*/1, [&](std::int64_t from, std::int64_t to) {
        std::vector<float> buffer(width);
        std::vector<float> a(width);
        std::vector<float> b(width);
        for (std::int64_t slice = from; slice < to; ++slice) {
          for (std::int64_t query = 0; query < n_pos; ++query) {
            const auto n_keys = is_causal ? query + 1 : n_pos;
            const T* row = data + (slice * n_pos + query) * n_pos;
            add_row(float_row(row, n_keys, buffer), n_keys, a.data(), b.data());
            if ((query + 1) % kRows == 0 || query + 1 == n_pos) {
              flush(a, first + slice * n_pos);
              flush(b, second + slice * n_pos);
            }
          }
        }
      });
  return sums;
}

/// Whether the loops above are for `x`; else tensor operations are.
bool has_fast_path(const torch::Tensor& x) {
  return x.is_cpu() && x.scalar_type() != torch::kFloat64;
}

/// [batch, head, query_pos, key_pos] -> [slice, query_pos, key_pos]
torch::Tensor slices_of(const torch::Tensor& x) {
  return x.contiguous().view({-1, x.size(2), x.size(3)});
}

torch::ScalarType sum_dtype(const torch::Tensor& x) {
  return x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
}

torch::Tensor to_result(const torch::Tensor& sums) {
  return sums.to(torch::kCPU, torch::kFloat64);
}

} // namespace

PatternSums sum_pattern(const torch::Tensor& pattern, bool is_causal) {
  check(pattern, "attention pattern");
  const auto shape = pattern.sizes().slice(0, 2); // [batch, head]
  const auto n_pos = pattern.size(3);
  if (!has_fast_path(pattern)) {
    std::vector<torch::Tensor> entropies; // row by row: it needs a copy
    for (const torch::Tensor& row : pattern.unbind(/*dim=*/0)) {
      const auto p = row.to(sum_dtype(pattern)); // [head, query_pos, key_pos]
      entropies.push_back(-at::xlogy(p, p).sum({1, 2}) / n_pos);
    }
    return {
        to_result(pattern.sum(/*dim=*/2, false, sum_dtype(pattern))),
        to_result(at::stack(entropies))};
  }
  const auto x = slices_of(pattern);
  TwoSums sums;
  AT_DISPATCH_SWITCH(
      x.scalar_type(), "sum_pattern", AT_DISPATCH_CASE(at::kFloat, [&] {
        sums = sum_rows<float>(x, is_causal, add_pattern_row);
      }) AT_DISPATCH_CASE_REDUCED_FLOATING_TYPES([&] {
        sums = sum_rows<scalar_t>(x, is_causal, add_pattern_row);
      }));
  return {
      sums.first.view({shape[0], shape[1], n_pos}),
      (sums.second.sum(/*dim=*/1) / n_pos).view(shape)};
}

ScoreSums sum_scores(const torch::Tensor& scores, bool is_causal) {
  check(scores, "attention scores");
  if (!has_fast_path(scores)) {
    const auto is_seen = scores != -std::numeric_limits<double>::infinity();
    const auto seen = scores.masked_fill(is_seen.logical_not(), 0);
    return {
        to_result(seen.sum(/*dim=*/2, false, sum_dtype(scores))),
        to_result(is_seen.sum(/*dim=*/2))};
  }
  const auto x = slices_of(scores);
  TwoSums sums;
  AT_DISPATCH_SWITCH(
      x.scalar_type(), "sum_scores", AT_DISPATCH_CASE(at::kFloat, [&] {
        sums = sum_rows<float>(x, is_causal, add_score_row);
      }) AT_DISPATCH_CASE_REDUCED_FLOATING_TYPES([&] {
        sums = sum_rows<scalar_t>(x, is_causal, add_score_row);
      }));
  const std::vector<std::int64_t> shape = {
      scores.size(0), scores.size(1), scores.size(3)};
  return {sums.first.view(shape), sums.second.view(shape)};
}

} // namespace ma
