// Hooks on one block's norm and projections.
#include "libma/eval/norm_trajectory.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/eval/measure_attention.h"
#include "libma/eval/sequence_pass.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/token_marks.h"

namespace ma {
namespace {

constexpr const char* kWhere = "norm trajectory";

using Site = std::pair<const char*, torch::Tensor NormPath::*>;

constexpr std::array<Site, kPathVectors> kSites = {{
    {"resid_pre", &NormPath::resid},
    {"ln1.normalized", &NormPath::normalized},
    {"attn.input", &NormPath::input},
    {"attn.q", &NormPath::q},
    {"attn.k", &NormPath::k},
    {"attn.v", &NormPath::v},
}};

/// Whether a norm stands before attention.
bool has_norm_before(nn::BlockKind kind) {
  return nn::norms_of(kind).ln1 && kind != nn::BlockKind::kStreamNorm;
}

std::int64_t resolve_layer(
    const Model& model,
    const MassiveTokens& tokens,
    std::optional<std::int64_t> layer) {
  const auto n_layers = model.config().n_layers;
  for (const auto block : {tokens.block, layer.value_or(tokens.block)}) {
    check_index(kWhere, "block", block, n_layers);
  }
  if (!has_norm_before(model.config().block)) {
    throw ConfigError(
        kWhere,
        "no norm stands before this model's attention: there is nothing to "
        "follow");
  }
  return layer.value_or(block_after(tokens, n_layers));
}

/// Called once a batch with the path in one block and the massive tokens, bool
/// [batch, pos].
using PathFn =
    std::function<void(const NormPath& path, const torch::Tensor& massive)>;

/// Hooks that hand each batch's path to `look`.
class PathWatch {
 public:
  PathWatch(
      const Model& model,
      const MassiveTokens& tokens,
      std::int64_t layer,
      PathFn look)
      : look_(std::move(look)), n_blocks_(std::max(layer, tokens.block) + 1) {
    for (const auto& [site, part] : kSites) {
      const auto kept = part;
      add(model,
          layer,
          site,
          [this, kept](const torch::Tensor& x, const HookSite&) {
            path_.*kept = x;
          });
    }
    const Selection select = tokens.select;
    add(model,
        tokens.block,
        "resid_post",
        [this, select](const torch::Tensor& x, const HookSite& at) {
          massive_ = selected_tokens(select, x, at);
        });
    add(model,
        n_blocks_ - 1,
        "resid_post",
        [this](const torch::Tensor&, const HookSite&) {
          look_(std::exchange(path_, {}), std::exchange(massive_, {}));
        });
  }
  PathWatch(const PathWatch&) = delete; // hooks hold its address
  PathWatch& operator=(const PathWatch&) = delete;

  /// Blocks that must run.
  std::int64_t n_blocks() const { return n_blocks_; }

 private:
  void add(
      const Model& model,
      std::int64_t layer,
      const char* site,
      const std::function<void(const torch::Tensor&, const HookSite&)>& look) {
    handles_.push_back(model.add_hook(
        block_site(layer, site),
        [look](const torch::Tensor& x, const HookSite& at) {
          look(x, at);
          return x;
        }));
  }

  PathFn look_;
  std::int64_t n_blocks_;
  NormPath path_;
  torch::Tensor massive_;
  std::vector<HookHandle> handles_;
};

} // namespace

std::int64_t block_after(const MassiveTokens& tokens, std::int64_t n_layers) {
  return std::min(tokens.block + 1, n_layers - 1);
}

NormTrajectory norm_trajectory(
    const Model& model,
    const torch::Tensor& ids,
    const MassiveTokens& tokens,
    std::optional<std::int64_t> wanted) {
  const auto layer = resolve_layer(model, tokens, wanted);
  const TokenBatch batch(ids);
  if (!batch.ids.defined() || batch.ids.size(0) != 1) {
    throw ShapeError(kWhere, "expected one sequence, int64 [pos] of 1 or more");
  }
  NormTrajectory trajectory;
  const PathWatch watch(
      model,
      tokens,
      layer,
      [&](const NormPath& path, const torch::Tensor& massive) {
        trajectory = make_trajectory(layer, path, massive, batch.ids);
      });
  pass_sequences(
      model,
      batch.ids,
      {.stage = "follow tokens", .n_blocks = watch.n_blocks()});
  trajectory.tokens = token_texts(model, trajectory.ids);
  return trajectory;
}

TrajectoryGroups trajectory_groups(
    const Model& model,
    const torch::Tensor& sequences,
    const MassiveTokens& tokens,
    const TrajectoryPass& options) {
  const auto layer = resolve_layer(model, tokens, options.layer);
  TrajectoryAccumulator accumulator(layer);
  const PathWatch watch(
      model,
      tokens,
      layer,
      [&](const NormPath& path, const torch::Tensor& massive) {
        accumulator.observe(path, massive);
      });
  pass_sequences(
      model,
      sequences,
      {.tokens_per_pass = options.tokens_per_pass,
       .stage = "follow tokens",
       .progress = options.progress,
       .n_blocks = watch.n_blocks()});
  return accumulator.finish();
}

} // namespace ma
