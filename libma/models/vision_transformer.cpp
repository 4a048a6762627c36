// The forward pass of a vision transformer in three steps: embed, run_blocks,
// read_out.
#include "libma/models/vision_transformer.h"

#include <utility>

#include "libma/models/block_parameters.h"

namespace ma {

VisionTransformer::VisionTransformer(
    const VisionConfig& config, WeightLoader& weights, HookTable& hooks)
    : config_(config), placement_(weights.placement()) {
  take_embedding(weights, hooks);
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    blocks_.push_back(
        nn::make_block(
            block_options(config, layer),
            take_block(config, layer, weights),
            hooks,
            c10::str("blocks.", layer)));
  }
  head_ = std::make_unique<VisionHead>(config, weights, hooks);
  for (const Parameter& parameter : weights.parameters()) {
    n_parameters_ += parameter.numel();
  }
}

void VisionTransformer::take_embedding(
    WeightLoader& weights, HookTable& hooks) {
  const VisionConfig& c = config_;
  std::vector<torch::Tensor> prefix;
  const auto take_prefix = [&](const char* name, std::int64_t count) {
    if (count > 0) {
      auto tokens = weights.take(name, {count, c.d_model});
      if (tokens.defined()) { // the loader says which are missing
        prefix.push_back(std::move(tokens));
      }
    }
  };
  take_prefix("cls", c.has_cls ? 1 : 0);
  take_prefix("distillation", c.has_distillation ? 1 : 0);
  take_prefix("registers", c.n_registers - c.n_test_registers);
  patch_embed_.weight = weights.take(
      "patch_embed.weight",
      {c.d_model, c.n_channels * c.patch_height * c.patch_width});
  if (c.has_patch_bias) {
    patch_embed_.bias = weights.take("patch_embed.bias", {c.d_model});
  }
  if (c.n_test_registers > 0 && patch_embed_.weight.defined()) {
    prefix.push_back(
        at::zeros(
            {c.n_test_registers, c.d_model}, patch_embed_.weight.options()));
  }
  if (!prefix.empty()) {
    prefix_ = at::cat(prefix);
  }
  positions_ = weights.take(
      "pos_embed.weight",
      {c.n_prefix_positions() + c.grid().count(), c.d_model});
  embed_ = &hooks.add_point("embed");
  pos_embed_ = &hooks.add_point("pos_embed");
  if (c.has_embed_norm) {
    embed_norm_.emplace(
        c.norm, take_norm(c, "embed.ln", weights), hooks, "embed.ln");
  }
}

const torch::Tensor& VisionTransformer::positions_of(
    const nn::PatchGrid& grid) const {
  if (fitted_positions_.defined() && fitted_grid_ == grid) {
    return fitted_positions_;
  }
  const VisionConfig& c = config_;
  const auto n_prefix = c.n_prefix_positions();
  const auto patches = nn::resize_positions(
      positions_.narrow(/*dim=*/0, n_prefix, c.grid().count()),
      c.grid(),
      grid,
      c.resize);
  const auto none = at::zeros(
      {c.n_prefix() - n_prefix, c.d_model}, positions_.options()); // registers
  fitted_positions_ =
      at::cat({positions_.narrow(/*dim=*/0, 0, n_prefix), none, patches})
          .unsqueeze(0); // [1, pos, d_model]
  fitted_grid_ = grid;
  return fitted_positions_;
}

torch::Tensor VisionTransformer::embed(const torch::Tensor& pixels) const {
  const VisionConfig& c = config_;
  const auto grid = c.grid_of(pixels.size(2), pixels.size(3));
  auto x = patch_embed_(
      nn::to_patches(
          pixels,
          grid,
          c.patch_height,
          c.patch_width)); // [batch, patch, d_model]
  if (prefix_.defined()) {
    x = at::cat(
        {prefix_.expand({x.size(0), -1, -1}), x},
        /*dim=*/1); // [batch, pos, d_model]
  }
  x = (*embed_)(std::move(x));
  auto positions = positions_of(grid).expand_as(x);
  if (pos_embed_->active()) {
    positions = positions.clone(); // hooks may keep it and write to it
  }
  x = x + (*pos_embed_)(std::move(positions));
  return embed_norm_ ? (*embed_norm_)(x) : x;
}

torch::Tensor VisionTransformer::run_blocks(
    torch::Tensor x, std::int64_t first, std::int64_t last) const {
  for (std::int64_t layer = first; layer < last; ++layer) {
    const auto i = static_cast<std::size_t>(layer);
    nn::AttentionContext context;
    context.layer = layer;
    x = (*blocks_[i])(x.to(placement_.blocks[i]), context);
  }
  return x;
}

VisionOutput VisionTransformer::read_out(const torch::Tensor& x) const {
  return (*head_)(x.to(placement_.head));
}

} // namespace ma
