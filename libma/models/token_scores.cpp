// The running (max, sum of exponentials) form of log-sum-exp (Milakov &
// Gimelshein 2018).
#include "libma/models/token_scores.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "libma/models/decoder.h"
#include "libma/nn/activation.h"

namespace ma {
namespace {

/// Bytes of one slice of logits: large enough for a full-speed product, small
/// enough to stay in cache or be cheap to keep. On the CPU, slices of 2 to 16
/// MiB cost the same within noise, about 1.1 times the product alone.
constexpr std::int64_t kCpuSliceBytes = std::int64_t{16} << 20;
constexpr std::int64_t kDeviceSliceBytes = std::int64_t{512} << 20;
constexpr std::int64_t kMinSliceWidth = 1024; // columns
constexpr std::int64_t kWidthUnit = 64; // columns; slices of whole cache lines

/// State of the softmax of m rows after some slices, and of their n targets.
struct Running {
  torch::Tensor best;         ///< [m], largest logit so far
  torch::Tensor total;        ///< [m], sum of exp(logit - best) so far
  torch::Tensor target_logit; ///< [n], once the target's slice has been seen
  torch::Tensor is_greedy;    ///< [n], the target is the first largest so far
};

/// Targets and the row that each belongs to.
struct Targets {
  torch::Tensor ids;  ///< int64 [n]
  torch::Tensor rows; ///< int64 [n], or undefined: target i is of row i

  /// The value of each target's row: [m] -> [n].
  torch::Tensor spread(const torch::Tensor& by_row) const {
    return rows.defined() ? by_row.index_select(/*dim=*/0, rows) : by_row;
  }
  /// The entry of each target's row at its column `local` [n]: [n].
  torch::Tensor pick(
      const torch::Tensor& logits, const torch::Tensor& local) const {
    return rows.defined()
               ? logits.index({rows, local})
               : logits.gather(/*dim=*/1, local.unsqueeze(1)).squeeze(1);
  }
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

/// Whether column `local` [n] is the first maximum of its target's row of
/// `logits`, for the targets where `is_candidate` [n]; false elsewhere.
torch::Tensor is_first_maximum(
    const torch::Tensor& logits,
    const Targets& targets,
    const torch::Tensor& local,
    const torch::Tensor& is_candidate) {
  const auto found = is_candidate.nonzero().squeeze(1); // [candidates]
  const auto rows =
      targets.rows.defined() ? targets.rows.index_select(0, found) : found;
  const auto first = logits.index_select(/*dim=*/0, rows).argmax(/*dim=*/1);
  return at::zeros_like(is_candidate)
      .index_copy(/*dim=*/0, found, first == local.index_select(0, found));
}

/// Takes in the columns of the vocabulary from `first` on; overwrites `logits`
/// [m, columns].
void add_slice(
    Running& running,
    torch::Tensor& logits,
    const Targets& targets,
    std::int64_t first) {
  const auto columns = logits.size(1);
  const auto local = (targets.ids - first).clamp(0, columns - 1);
  const auto is_here =
      (targets.ids >= first).logical_and(targets.ids < first + columns);
  const auto chosen = targets.pick(logits, local);       // [n]
  const auto slice_best = logits.amax(/*dim=*/1);        // [m]
  const auto best_before = targets.spread(running.best); // [n]
  const auto best_here = targets.spread(slice_best);     // [n]

  const auto is_best = is_first_maximum(
      logits, targets, local, is_here.logical_and(chosen == best_here));
  running.target_logit = at::where(is_here, chosen, running.target_logit);
  running.is_greedy = at::where(
      is_here,
      is_best.logical_and(chosen > best_before),
      running.is_greedy.logical_and(best_here <= best_before));

  const auto best = at::maximum(running.best, slice_best);
  const auto slice_total =
      logits.sub_(best.unsqueeze(1)).exp_().sum(/*dim=*/1); // [m]
  running.total = running.total * (running.best - best).exp() + slice_total;
  running.best = best;
}

} // namespace

TokenScores score_targets(
    const torch::Tensor& x,
    const OutputHead& head,
    const torch::Tensor& targets,
    const torch::Tensor& rows,
    const LogitSliceFn& on_slice) {
  const Targets wanted{targets, rows};
  const auto m = x.size(0);
  const auto n = targets.size(0);
  const auto vocab = head.unembedding.weight.size(0);
  const auto accumulate =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const auto options = x.options().dtype(accumulate);
  const auto width = slice_width(m, vocab, options);

  Running running = {
      at::full({m}, -std::numeric_limits<double>::infinity(), options),
      at::zeros({m}, options),
      at::zeros({n}, options),
      at::zeros({n}, options.dtype(torch::kBool))};
  for (std::int64_t first = 0; first < vocab; first += width) {
    const auto columns = std::min(width, vocab - first);
    auto logits = head.unembedding.slice(first, columns)(x); // [m, columns]
    nn::soft_cap(logits, head.softcap);
    logits = logits.to(accumulate);
    if (on_slice) {
      on_slice(logits, first);
    }
    add_slice(running, logits, wanted, first);
  }
  return {
      wanted.spread(running.total.log() + running.best) - running.target_logit,
      running.is_greedy};
}

} // namespace ma
