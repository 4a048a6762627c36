// Neighbours by chunks of a similarity matrix; probes in closed form.
#include "libma/eval/image_features.h"

#include <cmath>
#include <limits>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kChunk = 1024; // rows of similarities at a time

torch::Tensor normalized(const torch::Tensor& features) {
  const auto norms = at::linalg_vector_norm(
      features, /*ord=*/2, /*dim=*/at::IntArrayRef{1}, /*keepdim=*/true);
  return features / norms.clamp_min(1e-12);
}

void check_labels(const torch::Tensor& features, const torch::Tensor& labels) {
  if (features.dim() != 2 || labels.dim() != 1 ||
      labels.size(0) != features.size(0) ||
      labels.min().item<std::int64_t>() < 0) {
    throw ShapeError(
        "labels",
        c10::str(
            "expected a class for each of the features ",
            features.sizes(),
            ", got labels ",
            labels.sizes()));
  }
}

/// Calls `use(first, similarities)` with the similarities of rows [first, ...)
/// to all rows, -inf to themselves.
template <class Use>
void for_each_chunk(const torch::Tensor& features, const Use& use) {
  const auto rows = normalized(features);
  const auto transposed = rows.t();
  for (std::int64_t first = 0; first < rows.size(0); first += kChunk) {
    auto similarities = at::matmul(
        rows.slice(/*dim=*/0, first, first + kChunk), transposed); // [m, n]
    similarities.diagonal(first).fill_(
        -std::numeric_limits<double>::infinity());
    use(first, similarities);
  }
}

/// One-hot rows: float64 [n, class].
torch::Tensor class_targets(
    const torch::Tensor& labels, std::int64_t n_classes) {
  return at::zeros({labels.size(0), n_classes}, torch::kFloat64)
      .scatter_(/*dim=*/1, labels.unsqueeze(1), 1.0);
}

/// A ridge regression onto `targets` [n, class]: scores of `tested`.
torch::Tensor ridge_scores(
    const torch::Tensor& trained,
    const torch::Tensor& targets,
    const torch::Tensor& tested,
    double penalty) {
  const auto centre = trained.mean(/*dim=*/0, /*keepdim=*/true);
  const auto x = trained - centre;
  auto gram = at::matmul(x.t(), x);
  const auto scale = gram.diagonal().mean().item<double>();
  gram.diagonal().add_(penalty * scale + 1e-12);
  const auto mean_target = targets.mean(/*dim=*/0, /*keepdim=*/true);
  const auto weights =
      at::linalg_solve(gram, at::matmul(x.t(), targets - mean_target));
  return at::matmul(tested - centre, weights) + mean_target;
}

} // namespace

torch::Tensor row_cosines(const torch::Tensor& a, const torch::Tensor& b) {
  return (normalized(a.to(torch::kFloat64)) * normalized(b.to(torch::kFloat64)))
      .sum(/*dim=*/1);
}

torch::Tensor nearest_rows(const torch::Tensor& features) {
  if (features.dim() != 2 || features.size(0) < 2) {
    throw ShapeError(
        "features",
        c10::str("expected at least two rows, got ", features.sizes()));
  }
  auto nearest = at::empty({features.size(0)}, torch::kInt64);
  for_each_chunk(
      features, [&](std::int64_t first, const torch::Tensor& similarities) {
        nearest.slice(/*dim=*/0, first, first + similarities.size(0))
            .copy_(similarities.argmax(/*dim=*/1));
      });
  return nearest;
}

torch::Tensor knn_classes(
    const torch::Tensor& features,
    const torch::Tensor& labels,
    std::int64_t k) {
  check_labels(features, labels);
  if (k < 1 || features.size(0) <= k) {
    throw ShapeError(
        "k",
        c10::str(
            "expected 1 to ",
            features.size(0) - 1,
            " neighbours, got ",
            k,
            "; give more images"));
  }
  const auto n_classes = labels.max().item<std::int64_t>() + 1;
  auto classes = at::empty({features.size(0)}, torch::kInt64);
  for_each_chunk(
      features, [&](std::int64_t first, const torch::Tensor& similarities) {
        const auto [values, rows] = similarities.topk(k, /*dim=*/1);
        const auto voted =
            labels.index_select(0, rows.flatten()).view(rows.sizes());
        auto votes =
            at::zeros({similarities.size(0), n_classes}, torch::kFloat64);
        votes.scatter_add_(
            /*dim=*/1, voted, 1 + values.to(torch::kFloat64) / 1000);
        classes.slice(/*dim=*/0, first, first + similarities.size(0))
            .copy_(votes.argmax(/*dim=*/1));
      });
  return classes;
}

torch::Tensor probe_classes(
    const torch::Tensor& trained,
    const torch::Tensor& tested,
    const torch::Tensor& labels,
    const ProbeOptions& options) {
  check_labels(trained, labels);
  check_labels(tested, labels);
  const auto n = trained.size(0);
  if (options.folds < 2 || n < options.folds || options.penalty <= 0) {
    throw ShapeError(
        "probe",
        c10::str(
            "expected at least 2 folds, as many images and a positive penalty; "
            "got ",
            options.folds,
            ", ",
            n,
            ", ",
            options.penalty));
  }
  const auto from = trained.to(torch::kFloat64);
  const auto to = tested.to(torch::kFloat64);
  const auto targets =
      class_targets(labels, labels.max().item<std::int64_t>() + 1);
  const auto fold_of = at::arange(n, torch::kInt64).remainder(options.folds);
  auto classes = at::empty({n}, torch::kInt64);
  for (std::int64_t fold = 0; fold < options.folds; ++fold) {
    const auto held_out = (fold_of == fold).nonzero().squeeze(1);
    const auto others = (fold_of != fold).nonzero().squeeze(1);
    const auto scores = ridge_scores(
        from.index_select(0, others),
        targets.index_select(0, others),
        to.index_select(0, held_out),
        options.penalty);
    classes.index_copy_(0, held_out, scores.argmax(/*dim=*/1));
  }
  return classes;
}

Estimate percentage(const torch::Tensor& hits) {
  const auto n = static_cast<double>(hits.numel());
  const auto share = hits.to(torch::kFloat64).mean().item<double>();
  const auto error = hits.numel() > 1
                         ? std::sqrt(share * (1 - share) / (n - 1))
                         : std::numeric_limits<double>::quiet_NaN();
  return {100 * share, 100 * error};
}

} // namespace ma
