// The running (max, sum of exponentials) form of log-sum-exp (Milakov &
// Gimelshein 2018).
#include "libma/models/token_scores.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "libma/models/decoder.h"

namespace ma {
namespace {

/// Bytes of one slice of logits: large enough for a full-speed product, small
/// enough to stay in cache or be cheap to keep. On the CPU, slices of 2 to 16
/// MiB cost the same within noise, about 1.1 times the product alone.
constexpr std::int64_t kCpuSliceBytes = std::int64_t{16} << 20;
constexpr std::int64_t kDeviceSliceBytes = std::int64_t{512} << 20;
constexpr std::int64_t kMinSliceWidth = 1024; // columns
constexpr std::int64_t kWidthUnit = 64; // columns; slices of whole cache lines

/// State of the softmax after some slices, each [n].
struct Running {
  torch::Tensor best;         ///< largest logit so far
  torch::Tensor total;        ///< sum of exp(logit - best) so far
  torch::Tensor target_logit; ///< once the target's slice has been seen
  torch::Tensor is_greedy;    ///< the target is the first largest so far
};

std::int64_t slice_width(
    std::int64_t rows,
    std::int64_t vocab,
    const torch::TensorOptions& options) {
  const auto budget =
      options.device().is_cpu() ? kCpuSliceBytes : kDeviceSliceBytes;
  const auto width =
      budget / (std::max<std::int64_t>(rows, 1) *
                static_cast<std::int64_t>(options.dtype().itemsize()));
  return std::clamp(
      width / kWidthUnit * kWidthUnit, std::min(kMinSliceWidth, vocab), vocab);
}

/// Whether column `local` [n] is the first maximum of its row of `logits`, at
/// the rows where `is_candidate` [n]; false elsewhere.
torch::Tensor is_first_maximum(
    const torch::Tensor& logits,
    const torch::Tensor& local,
    const torch::Tensor& is_candidate) {
  const auto rows = is_candidate.nonzero().squeeze(1); // [candidates]
  const auto first = logits.index_select(/*dim=*/0, rows).argmax(/*dim=*/1);
  return at::zeros_like(is_candidate)
      .index_copy(/*dim=*/0, rows, first == local.index_select(0, rows));
}

/// Takes in the columns of the vocabulary from `first` on; overwrites `logits`
/// [n, columns].
void add_slice(
    Running& running,
    torch::Tensor& logits,
    const torch::Tensor& targets,
    std::int64_t first) {
  const auto columns = logits.size(1);
  const auto local = (targets - first).clamp(0, columns - 1);
  const auto is_here =
      (targets >= first).logical_and(targets < first + columns);
  const auto chosen =
      logits.gather(/*dim=*/1, local.unsqueeze(1)).squeeze(1); // [n]
  const auto slice_best = logits.amax(/*dim=*/1);              // [n]

  const auto is_best = is_first_maximum(
      logits, local, is_here.logical_and(chosen == slice_best));
  running.target_logit = at::where(is_here, chosen, running.target_logit);
  running.is_greedy = at::where(
      is_here,
      is_best.logical_and(chosen > running.best),
      running.is_greedy.logical_and(slice_best <= running.best));

  const auto best = at::maximum(running.best, slice_best);
  const auto slice_total =
      logits.sub_(best.unsqueeze(1)).exp_().sum(/*dim=*/1); // [n]
  running.total = running.total * (running.best - best).exp() + slice_total;
  running.best = best;
}

} // namespace

TokenScores score_targets(
    const torch::Tensor& x,
    const nn::Linear& unembedding,
    const torch::Tensor& targets) {
  const auto n = x.size(0);
  const auto vocab = unembedding.weight.size(0);
  const auto accumulate =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const auto options = x.options().dtype(accumulate);
  const auto width = slice_width(n, vocab, options);

  Running running = {
      at::full({n}, -std::numeric_limits<double>::infinity(), options),
      at::zeros({n}, options),
      at::zeros({n}, options),
      at::zeros({n}, options.dtype(torch::kBool))};
  const auto products = at::empty({n * width}, x.options());
  const auto precise = x.scalar_type() == accumulate
                           ? products
                           : at::empty({n * width}, options);
  for (std::int64_t first = 0; first < vocab; first += width) {
    const auto columns = std::min(width, vocab - first);
    const auto slice = [&](const torch::Tensor& buffer) {
      return buffer.narrow(/*dim=*/0, 0, n * columns).view({n, columns});
    };
    auto product = slice(products); // [n, columns]
    at::mm_out(
        product, x, unembedding.weight.narrow(/*dim=*/0, first, columns).t());
    if (unembedding.bias.defined()) {
      product.add_(unembedding.bias.narrow(/*dim=*/0, first, columns));
    }
    auto logits = slice(precise); // [n, columns]
    if (x.scalar_type() != accumulate) {
      logits.copy_(product);
    }
    add_slice(running, logits, targets, first);
  }
  return {
      running.total.log() + running.best - running.target_logit,
      running.is_greedy};
}

} // namespace ma
