// The running (max, sum of exponentials) form of log-sum-exp (Milakov &
// Gimelshein 2018).
#include "libma/models/token_scores.h"

#include <algorithm>
#include <cstdint>

#include "libma/models/decoder.h"

namespace ma {
namespace {

/// Bytes of one slice of logits: large enough for a full-speed product, small
/// enough to stay in cache or be cheap to keep.
constexpr std::int64_t kCpuSliceBytes = std::int64_t{16} << 20;
constexpr std::int64_t kDeviceSliceBytes = std::int64_t{512} << 20;
constexpr std::int64_t kMinSliceWidth = 1024; // columns

std::int64_t slice_width(const torch::Tensor& x, std::int64_t vocab) {
  const auto budget = x.is_cpu() ? kCpuSliceBytes : kDeviceSliceBytes;
  const auto width =
      budget / (x.size(0) * static_cast<std::int64_t>(x.element_size()));
  return std::clamp(width, std::min(kMinSliceWidth, vocab), vocab);
}

} // namespace

TokenScores score_targets(
    const torch::Tensor& x,
    const nn::Linear& unembedding,
    const torch::Tensor& targets) {
  const auto n = x.size(0);
  const auto vocab = unembedding.weight.size(0);
  const auto width = slice_width(x, vocab);
  const auto accumulate =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const auto options = x.options().dtype(accumulate);

  auto best = at::full(
      {n},
      -std::numeric_limits<double>::infinity(),
      options);                         // largest logit so far
  auto total = at::zeros({n}, options); // sum of exp(logit - best)
  auto target_logit = at::zeros({n}, options);
  auto best_index = at::zeros({n}, targets.options());
  auto buffer = at::empty({n * width}, x.options());
  for (std::int64_t first = 0; first < vocab; first += width) {
    const auto columns = std::min(width, vocab - first);
    auto product = buffer.narrow(/*dim=*/0, 0, n * columns)
                       .view({n, columns}); // [n, columns]
    at::mm_out(
        product, x, unembedding.weight.narrow(/*dim=*/0, first, columns).t());
    if (unembedding.bias.defined()) {
      product.add_(unembedding.bias.narrow(/*dim=*/0, first, columns));
    }
    auto logits = product.to(accumulate);

    const auto local = (targets - first).clamp(0, columns - 1);
    const auto is_here =
        (targets >= first).logical_and(targets < first + columns);
    target_logit = at::where(
        is_here,
        logits.gather(/*dim=*/1, local.unsqueeze(1)).squeeze(1),
        target_logit);

    const auto [slice_best, slice_index] = logits.max(/*dim=*/1);
    best_index = at::where(
        slice_best > best,
        slice_index + first,
        best_index); // strict: the first maximum wins
    const auto new_best = at::maximum(best, slice_best);
    const auto slice_total =
        logits.sub_(new_best.unsqueeze(1)).exp_().sum(/*dim=*/1);
    total = total * (best - new_best).exp() + slice_total;
    best = new_best;
  }
  return {total.log() + best - target_logit, best_index == targets};
}

} // namespace ma
