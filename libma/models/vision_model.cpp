// Passes through a vision model, and their argument checks.
#include "libma/models/vision_model.h"

#include <ATen/core/grad_mode.h>

#include "libma/core/error.h"

namespace ma {

VisionModel::VisionModel(
    std::unique_ptr<VisionTransformer> network,
    std::shared_ptr<HookTable> hooks,
    torch::TensorOptions options,
    std::vector<std::filesystem::path> files)
    : HookedModel(std::move(hooks), options, std::move(files)),
      network_(std::move(network)) {}

torch::Tensor VisionModel::embed(const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  const auto& pixels = batch.pixels;
  const VisionConfig& c = config();
  if (!pixels.defined() || pixels.dim() != 4 || !pixels.is_floating_point() ||
      pixels.size(0) == 0 || pixels.size(1) != c.n_channels ||
      c.grid_of(pixels.size(2), pixels.size(3)).count() == 0) {
    throw ShapeError(
        "pixels",
        c10::str(
            "expected floating point [batch, ",
            c.n_channels,
            ", height, width] of at least ",
            c.patch_height,
            " x ",
            c.patch_width,
            " pixels, got ",
            pixels.defined()
                ? c10::str(pixels.scalar_type(), " ", pixels.sizes())
                : std::string("no pixels")));
  }
  TokenBatch moved = batch.to(device());
  moved.pixels = moved.pixels.to(dtype());
  const auto guard = hook_table().use_batch(moved);
  return network_->embed(moved.pixels);
}

torch::Tensor VisionModel::run_network(
    const torch::Tensor& x,
    std::int64_t first,
    std::int64_t last,
    const TokenBatch& /*batch*/) const {
  return network_->run_blocks(x, first, last);
}

VisionOutput VisionModel::read_out(
    const torch::Tensor& x, const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  check_stream("read_out", x);
  if (x.size(0) == 0 || x.size(1) <= config().n_prefix()) {
    throw ShapeError(
        "read_out",
        c10::str(
            "expected ",
            config().n_prefix(),
            " tokens and patches behind them, got ",
            x.sizes()));
  }
  const TokenBatch moved = batch.to(device());
  const auto guard = hook_table().use_batch(moved);
  auto output = network_->read_out(x);
  if (batch.pixels.defined()) {
    output.grid = config().grid_of(batch.pixels.size(2), batch.pixels.size(3));
  }
  return output;
}

VisionOutput VisionModel::forward(const TokenBatch& batch) const {
  return read_out(run_blocks(embed(batch), 0, config().n_layers, batch), batch);
}

std::pair<VisionOutput, ActivationCache> VisionModel::run_with_cache(
    const TokenBatch& batch, const std::vector<std::string>& patterns) const {
  ActivationCache cache;
  const auto handles = fill(cache, patterns);
  auto output = forward(batch);
  return {std::move(output), std::move(cache)};
}

TokenBatch image_batch(const torch::Tensor& pixels) {
  TokenBatch batch;
  batch.pixels =
      pixels.defined() && pixels.dim() == 3 ? pixels.unsqueeze(0) : pixels;
  return batch;
}

} // namespace ma
