// A vision transformer: patches and prefix tokens, blocks, head (Dosovitskiy et
// al. 2021).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/models/vision_config.h"
#include "libma/models/vision_head.h"
#include "libma/models/weights.h"
#include "libma/nn/block.h"
#include "libma/nn/linear.h"
#include "libma/nn/norm.h"
#include "libma/nn/patches.h"

namespace ma {

class VisionTransformer {
 public:
  /// Reads all parameters from `weights`, each to the device that it says. The
  /// model's points join `hooks` in forward order.
  VisionTransformer(
      const VisionConfig& config, WeightLoader& weights, HookTable& hooks);

  const VisionConfig& config() const { return config_; }
  const Placement& placement() const { return placement_; }
  std::int64_t n_parameters() const { return n_parameters_; }

  /// Residual stream before block 0, [batch, pos, d_model], of `pixels` [batch,
  /// channel, height, width].
  torch::Tensor embed(const torch::Tensor& pixels) const;

  /// Residual stream after blocks [first, last), from `x` [batch, pos, d_model]
  /// before block `first`.
  torch::Tensor run_blocks(
      torch::Tensor x, std::int64_t first, std::int64_t last) const;

  /// What the stream `x` after the last block says of the images.
  VisionOutput read_out(const torch::Tensor& x) const;

 private:
  void take_embedding(WeightLoader& weights, HookTable& hooks);
  const torch::Tensor& positions_of(const nn::PatchGrid& grid) const;

  VisionConfig config_;
  Placement placement_;
  std::int64_t n_parameters_ = 0;
  nn::Linear patch_embed_;  ///< from [channel x patch x patch]
  torch::Tensor prefix_;    ///< [prefix, d_model] or undefined
  torch::Tensor positions_; ///< the checkpoint's, [place, d_model]
  const HookPoint* embed_;
  const HookPoint* pos_embed_;
  std::optional<nn::Norm> embed_norm_;
  std::vector<std::unique_ptr<nn::Block>> blocks_;
  std::unique_ptr<const VisionHead> head_;
  mutable nn::PatchGrid fitted_grid_;      ///< of the last batch
  mutable torch::Tensor fitted_positions_; ///< for it, [1, pos, d_model]
};

} // namespace ma
