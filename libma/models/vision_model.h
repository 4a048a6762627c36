// VisionModel: a loaded vision transformer with its hooks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libma/models/hooked_model.h"
#include "libma/models/vision_transformer.h"

namespace ma {

/// Images go in as `TokenBatch::pixels`, float [batch, channel, height, width],
/// normalised as the checkpoint wants them. Movable, not copyable.
class VisionModel : public HookedModel {
 public:
  VisionModel(
      std::unique_ptr<VisionTransformer> network,
      std::shared_ptr<HookTable> hooks,
      torch::TensorOptions options,
      std::vector<std::filesystem::path> files);

  const VisionConfig& config() const override { return network_->config(); }
  std::string devices() const override { return network_->placement().names(); }
  std::int64_t n_parameters() const override {
    return network_->n_parameters();
  }

  /// Throws ShapeError on pixels that are no images of at least one patch.
  torch::Tensor embed(const TokenBatch& batch) const override;

  /// What the stream `x` [batch, pos, d_model] after the last block says of the
  /// images. Throws ShapeError on a stream that is not this model's.
  VisionOutput read_out(
      const torch::Tensor& x, const TokenBatch& batch = {}) const;

  VisionOutput forward(const TokenBatch& batch) const;

  /// The output and the activations at all points that match `patterns`. Throws
  /// UnknownNameError when a pattern matches nothing.
  std::pair<VisionOutput, ActivationCache> run_with_cache(
      const TokenBatch& batch, const std::vector<std::string>& patterns) const;

 protected:
  torch::Tensor run_network(
      const torch::Tensor& x,
      std::int64_t first,
      std::int64_t last,
      const TokenBatch& batch) const override;

 private:
  std::unique_ptr<VisionTransformer> network_;
};

/// A batch of `pixels` [batch, channel, height, width] or [channel, height,
/// width].
TokenBatch image_batch(const torch::Tensor& pixels);

/// Loads a vision model by name (fetched before) or from a Hugging Face folder.
/// Of a checkpoint with a text model beside, the vision part. Throws as
/// load_model does.
VisionModel load_vision_model(
    const std::string& name_or_path, const LoadOptions& options = {});

} // namespace ma
