// Hooks that live while sequences pass.
#include "libma/eval/implicit_bias.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/eval/sequence_pass.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/replace_part.h"

namespace ma {
namespace {

constexpr const char* kWhere = "implicit bias";
constexpr double kLinear = 1e-2; // relative; half precision rounds

void check_layer(const Model& model, std::int64_t layer) {
  check_index(kWhere, "block", layer, model.config().n_layers);
}

/// Attention of one block after the other.
using StateFn =
    std::function<void(std::int64_t layer, const AttentionState& state)>;

/// Hooks that hand `layers`' attention to `look` as it passes; only the block
/// at hand is kept.
class AttentionWatch {
 public:
  AttentionWatch(
      const Model& model, const std::vector<std::int64_t>& layers, StateFn look)
      : look_(std::move(look)) {
    for (const std::int64_t layer : layers) {
      keep(model, block_site(layer, "attn.v"), &AttentionState::v);
      keep(model, block_site(layer, "attn.pattern"), &AttentionState::pattern);
      handles_.push_back(model.add_hook(
          block_site(layer, "attn.z"),
          [this](const torch::Tensor& x, const HookSite& at) {
            state_.z = x;
            look_(at.layer, std::exchange(state_, {}));
            return x;
          }));
    }
  }

 private:
  void keep(
      const Model& model,
      const std::string& site,
      torch::Tensor AttentionState::* part) {
    handles_.push_back(model.add_hook(
        site, [this, part](const torch::Tensor& x, const HookSite&) {
          state_.*part = x;
          return x;
        }));
  }

  StateFn look_;
  AttentionState state_;
  std::vector<HookHandle> handles_;
};

} // namespace

ImplicitBias implicit_bias(
    const Model& model,
    const torch::Tensor& sequences,
    const torch::Tensor& members,
    const ImplicitBiasPass& options) {
  const TokenBatch all(sequences);
  if (members.defined() && all.ids.defined() &&
      members.sizes() != all.ids.sizes()) {
    throw ShapeError(
        kWhere,
        c10::str(
            "members are ",
            members.sizes(),
            ", the sequences ",
            all.ids.sizes()));
  }
  ImplicitBiasOptions bias = options.bias;
  bias.windows = model.config().windows;
  ImplicitBiasAccumulator accumulator(model.config().n_layers, members, bias);
  AttentionWatch watch(
      model,
      listed_or_all(kWhere, {}, model.config().n_layers),
      [&](std::int64_t layer, const AttentionState& state) {
        accumulator.observe(layer, state);
      });
  pass_sequences(
      model,
      sequences,
      {.tokens_per_pass = options.tokens_per_pass,
       .stage = "measure the implicit bias",
       .progress = options.progress});
  return accumulator.finish();
}

std::vector<AttentionParts> decompose_attention(
    const Model& model,
    const TokenBatch& batch,
    const std::vector<std::int64_t>& layers,
    const torch::Tensor& members) {
  std::map<std::int64_t, AttentionParts> found;
  std::int64_t last = -1;
  for (const std::int64_t layer : layers) {
    check_layer(model, layer);
    last = std::max(last, layer);
  }
  {
    AttentionWatch watch(
        model, layers, [&](std::int64_t layer, const AttentionState& state) {
          found[layer] = split_attention(state.pattern, state.v, members);
        });
    model.run_blocks(model.embed(batch), 0, last + 1, batch);
  }
  std::vector<AttentionParts> parts;
  parts.reserve(layers.size());
  for (const std::int64_t layer : layers) {
    parts.push_back(found.at(layer));
  }
  return parts;
}

torch::Tensor project_to_attn_out(
    const Model& model, std::int64_t layer, const torch::Tensor& z) {
  check_layer(model, layer);
  const auto& config = model.config();
  if (z.dim() != 3 || z.size(1) != config.n_heads ||
      z.size(2) != config.d_head) {
    throw ShapeError(
        kWhere,
        c10::str(
            "z is ",
            z.sizes(),
            "; expected [n, ",
            config.n_heads,
            ", ",
            config.d_head,
            "]"));
  }
  // Rows of one token: nothing, z, and z again twice as long.
  const auto n = z.size(0);
  const auto given = at::cat({at::zeros_like(z), z, z * 2}).unsqueeze(1);
  torch::Tensor out;
  const auto replace = model.add_hook(
      block_site(layer, "attn.z"),
      [&](const torch::Tensor& x, const HookSite&) {
        return given.to(x.options());
      });
  const auto keep = model.add_hook(
      block_site(layer, "attn_out"),
      [&](const torch::Tensor& x, const HookSite&) {
        out = x.squeeze(1);
        return x;
      });
  const auto stream = at::zeros(
      {3 * n, 1, config.d_model},
      torch::TensorOptions().dtype(model.dtype()).device(model.device()));
  model.run_blocks(stream, layer, layer + 1);
  const auto once = out.narrow(0, n, n) - out.narrow(0, 0, n);
  const auto twice = out.narrow(0, 2 * n, n) - out.narrow(0, 0, n);
  const double off = (twice - once * 2).abs().max().item<double>();
  const double scale = twice.abs().max().item<double>();
  return off <= kLinear * scale ? once : torch::Tensor();
}

torch::Tensor project_to_attn_out(
    const Model& model, const torch::Tensor& constants) {
  std::vector<torch::Tensor> rows;
  for (std::int64_t layer = 0; layer < constants.size(0); ++layer) {
    const auto row =
        project_to_attn_out(model, layer, constants[layer].unsqueeze(0));
    if (!row.defined()) {
      return {};
    }
    rows.push_back(row.cpu());
  }
  return at::cat(rows);
}

std::vector<Condition> bias_conditions(
    const ImplicitBias& bias,
    const MassiveTokens& tokens,
    const std::vector<std::int64_t>& layers) {
  PartReplacement replacement{
      .select = tokens.select,
      .marked_after = tokens.block,
      .layers = layers,
      .windows = bias.options.windows,
      .constants = bias.constants};
  std::vector<Condition> conditions = {
      {.name = "original", .edits = {}},
      {.name = "constant", .edits = replace_part(replacement)}};
  replacement.constants = torch::Tensor();
  conditions.push_back({.name = "removed", .edits = replace_part(replacement)});
  if (bias.other_constants.defined()) {
    replacement.constants = bias.other_constants;
    replacement.others = bias.options.seed;
    conditions.push_back(
        {.name = "control", .edits = replace_part(replacement)});
  }
  return conditions;
}

} // namespace ma
