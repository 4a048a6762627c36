// Sums of directions, and shapes of single tokens.
#include "libma/analysis/norm_trajectory.h"

#include "libma/analysis/part_sums.h"
#include "libma/analysis/token_shapes.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr const char* kWhere = "norm trajectory";
constexpr double kLeastNorm = 1e-30; // a zero vector has no direction

/// At least float32.
torch::Tensor precise(const torch::Tensor& x) {
  return x.scalar_type() == torch::kFloat64 ? x : x.to(torch::kFloat32);
}

void check(const NormPath& path, const torch::Tensor& massive) {
  for (const torch::Tensor& x : vectors_of(path)) {
    if (!x.defined() || !massive.defined() || massive.dim() != 2 ||
        massive.scalar_type() != torch::kBool || x.dim() < 3 || x.dim() > 4 ||
        x.sizes().slice(0, 2) != massive.sizes()) {
      throw ShapeError(
          kWhere,
          "vectors and marks do not fit; expected [batch, pos, d_model] or "
          "[batch, pos, head, d_head], and bool [batch, pos]");
    }
  }
}

/// [batch, pos, ...] -> [token, head, d], one head where there are none.
torch::Tensor by_token(const torch::Tensor& x) {
  const auto heads = x.dim() == 4 ? x.size(2) : 1;
  return precise(x).reshape({-1, heads, x.size(-1)});
}

/// Adds the numbers of `values` [token, ...] to the statistic that `stats_of`
/// has for the token.
template <class StatsOf>
void add_each(const torch::Tensor& values, const StatsOf& stats_of) {
  const auto n_tokens = values.size(0);
  const auto numbers = values.to(torch::kCPU, torch::kFloat64)
                           .reshape({n_tokens, -1})
                           .contiguous();
  const auto* number = numbers.const_data_ptr<double>();
  for (std::int64_t token = 0; token < n_tokens; ++token) {
    RunningStats& stats = stats_of(token);
    for (std::int64_t i = 0; i < numbers.size(1); ++i) {
      stats.add(*number++);
    }
  }
}

} // namespace

std::array<torch::Tensor, kPathVectors> vectors_of(const NormPath& path) {
  return {path.resid, path.normalized, path.input, path.q, path.k, path.v};
}

NormTrajectory make_trajectory(
    std::int64_t layer,
    const NormPath& path,
    const torch::Tensor& massive,
    const torch::Tensor& ids) {
  check(path, massive);
  if (massive.size(0) != 1) {
    throw ShapeError(
        kWhere,
        c10::str("expected one sequence, got ", massive.size(0), " of them"));
  }
  NormTrajectory trajectory{
      .layer = layer,
      .massive = massive[0].to(torch::kCPU),
      .ids = ids.to(torch::kCPU).flatten()};
  const auto vectors = vectors_of(path);
  for (std::size_t i = 0; i < kPathVectors; ++i) {
    trajectory.vectors[i] = precise(vectors[i][0]).to(torch::kCPU).contiguous();
  }
  return trajectory;
}

void TrajectoryAccumulator::observe(
    const NormPath& path, const torch::Tensor& massive) {
  check(path, massive);
  const auto marks = massive.to(torch::kCPU).flatten(); // [token]
  const auto* const is_massive = marks.const_data_ptr<bool>();
  const auto group_of = [&](std::int64_t token) -> TrajectoryGroup& {
    return is_massive[token] ? found_.massive : found_.other;
  };
  const auto on_device = marks.to(path.resid.device());
  const auto groups =
      at::stack({on_device, on_device.logical_not()}); // [group, token]
  const auto vectors = vectors_of(path);
  for (std::size_t i = 0; i < kPathVectors; ++i) {
    const auto x = by_token(vectors[i]); // [token, head, d]
    const auto norms =
        at::linalg_vector_norm(x, /*ord=*/2, /*dim=*/{2}, /*keepdim=*/true)
            .clamp_min(kLeastNorm); // [token, head, 1]
    const auto units = at::matmul(groups.to(x.dtype()), (x / norms).flatten(1))
                           .view({2, x.size(1), x.size(2)})
                           .to(torch::kCPU, torch::kFloat64);
    units_[i] = units_[i].defined() ? units_[i] + units : units;
    add_each(norms, [&](std::int64_t token) -> RunningStats& {
      return group_of(token).vectors[i].norm;
    });
  }
  const auto add = [&](const torch::Tensor& values,
                       RunningStats TrajectoryGroup::* stats) {
    add_each(values, [&](std::int64_t token) -> RunningStats& {
      return group_of(token).*stats;
    });
  };
  const auto shapes =
      token_shapes(path.normalized.flatten(0, 1), /*top=*/2); // [token, ...]
  add(token_shapes(path.resid.flatten(0, 1), /*top=*/2).rms,
      &TrajectoryGroup::rms);
  add(shapes.top_values.select(/*dim=*/1, 0).abs(), &TrajectoryGroup::largest);
  add(shapes.top_share, &TrajectoryGroup::top_share);
  add(shapes.effective_dims, &TrajectoryGroup::effective_dims);
  add(shapes.median, &TrajectoryGroup::median);
  const auto n_massive = marks.sum().item<std::int64_t>();
  found_.massive.n_tokens += n_massive;
  found_.other.n_tokens += marks.numel() - n_massive;
  found_.n_sequences += massive.size(0);
  found_.d_model = path.resid.size(2);
}

TrajectoryGroups TrajectoryAccumulator::finish() const {
  if (found_.n_sequences == 0) {
    throw ShapeError(kWhere, "no sequences were seen; show at least one");
  }
  TrajectoryGroups found = found_;
  const auto fill = [&](TrajectoryGroup& group, std::int64_t number) {
    const auto count =
        at::full({1}, group.n_tokens, torch::kFloat64); // the same in each head
    for (std::size_t i = 0; i < kPathVectors; ++i) {
      group.vectors[i].cosine =
          mean_pair_cosine(units_[i][number], count).mean().item<double>();
    }
  };
  fill(found.massive, 0);
  fill(found.other, 1);
  return found;
}

} // namespace ma
