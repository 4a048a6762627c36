// From the stream after the last block to what an image is: features, one
// vector, classes.
#pragma once

#include <optional>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/models/vision_config.h"
#include "libma/models/weights.h"
#include "libma/nn/activation.h"
#include "libma/nn/attention_pool.h"
#include "libma/nn/linear.h"
#include "libma/nn/norm.h"
#include "libma/nn/patches.h"

namespace ma {

/// What a vision model says of a batch of images.
struct VisionOutput {
  torch::Tensor features; ///< [batch, pos, d_model], after the final norm where
                          ///< that is of the tokens
  torch::Tensor pooled;   ///< [batch, d_pooled], input of the head
  torch::Tensor
      projected;        ///< [batch, d_projected]; undefined when there is none
  torch::Tensor logits; ///< [batch, class]; undefined without a classifier
  nn::PatchGrid grid;   ///< of the patches, the last tokens of each row; none
                        ///< when the images were not at hand
};

class VisionHead {
 public:
  VisionHead(
      const VisionConfig& config, WeightLoader& weights, HookTable& hooks);

  /// `x` is [batch, pos, d_model].
  VisionOutput operator()(const torch::Tensor& x) const;

 private:
  torch::Tensor pool(const torch::Tensor& features) const;
  torch::Tensor classify(const torch::Tensor& pooled) const;

  VisionConfig config_;
  nn::Norm ln_final_;
  std::optional<nn::AttentionPool> attention_pool_;
  std::optional<nn::Linear> pooler_;
  nn::Activation pooler_activation_ = nullptr;
  const HookPoint* pooled_;
  std::optional<nn::Linear> projection_;
  const HookPoint* projected_ = nullptr;
  std::vector<nn::Linear> classifiers_; ///< of the class token, and of the
                                        ///< distillation token
  const HookPoint* logits_ = nullptr;
};

} // namespace ma
