// Pooling, projection, classification.
#include "libma/models/vision_head.h"

#include <string>
#include <utility>

#include "libma/models/block_parameters.h"

namespace ma {
namespace {

nn::Linear take_linear(
    const std::string& name,
    std::int64_t d_out,
    std::int64_t d_in,
    WeightLoader& weights) {
  return {
      weights.take(name + ".weight", {d_out, d_in}),
      weights.take(name + ".bias", {d_out})};
}

nn::AttentionPoolWeights take_attention_pool(
    const VisionConfig& c, WeightLoader& weights) {
  nn::AttentionPoolWeights w;
  w.query = weights.take("pool.query", {1, c.d_model});
  w.qkv = take_linear("pool.qkv", 3 * c.d_model, c.d_model, weights);
  w.out = take_linear("pool.out", c.d_model, c.d_model, weights);
  w.ln = take_norm(c, "pool.ln", weights);
  w.mlp_up = take_linear("pool.mlp.up", c.d_mlp, c.d_model, weights);
  w.mlp_down = take_linear("pool.mlp.down", c.d_model, c.d_mlp, weights);
  return w;
}

/// The tokens that the checkpoint's own head knows.
torch::Tensor without_test_registers(
    const VisionConfig& c, const torch::Tensor& features) {
  if (c.n_test_registers == 0) {
    return features;
  }
  const auto prefix = c.n_prefix() - c.n_test_registers;
  return at::cat(
      {features.slice(/*dim=*/1, 0, prefix),
       features.slice(/*dim=*/1, c.n_prefix())},
      /*dim=*/1); // [batch, pos - test register, d_model]
}

} // namespace

VisionHead::VisionHead(
    const VisionConfig& config, WeightLoader& weights, HookTable& hooks)
    : config_(config),
      ln_final_(
          config.norm,
          take_norm(config, "ln_final", weights),
          hooks,
          "ln_final") {
  const VisionConfig& c = config_;
  if (c.pool == PoolKind::kAttention) {
    attention_pool_.emplace(
        c.n_heads,
        c.norm,
        nn::find_activation(c.activation, c.architecture),
        take_attention_pool(c, weights),
        hooks);
  }
  if (c.d_pooler > 0) {
    pooler_ = take_linear("pooler", c.d_pooler, c.d_model, weights);
    pooler_activation_ =
        nn::find_activation(c.pooler_activation, c.architecture);
  }
  pooled_ = &hooks.add_point("pooled");
  if (c.d_projected > 0) {
    projection_ = nn::Linear{
        weights.take("projection.weight", {c.d_projected, c.d_pooled()}), {}};
    projected_ = &hooks.add_point("projected");
  }
  if (c.n_classes > 0) {
    const bool has_two = c.pool == PoolKind::kClsDistillation;
    const auto width = has_two ? c.d_model : c.d_pooled();
    classifiers_.push_back(
        take_linear("classifier", c.n_classes, width, weights));
    if (has_two) {
      classifiers_.push_back(
          take_linear("distillation_classifier", c.n_classes, width, weights));
    }
    logits_ = &hooks.add_point("logits");
  }
}

VisionOutput VisionHead::operator()(const torch::Tensor& x) const {
  VisionOutput output;
  output.features = config_.has_pooled_norm ? x : ln_final_(x);
  output.pooled = (*pooled_)(
      pool(config_.pools_unnormed ? x : output.features)); // [batch, d_pooled]
  if (projection_) {
    output.projected = (*projected_)((*projection_)(output.pooled));
  }
  if (logits_ != nullptr) {
    output.logits = (*logits_)(classify(output.pooled));
  }
  return output;
}

torch::Tensor VisionHead::pool(const torch::Tensor& features) const {
  if (attention_pool_) {
    return (*attention_pool_)(without_test_registers(config_, features));
  }
  const auto mean_patch = [&] {
    return features
        .narrow(
            /*dim=*/1,
            config_.n_prefix(),
            features.size(1) - config_.n_prefix())
        .mean(/*dim=*/1, /*keepdim=*/true); // [batch, 1, d_model]
  };
  auto pooled = config_.pool == PoolKind::kMean
                    ? mean_patch()
                    : features.narrow(/*dim=*/1, 0, 1); // [batch, 1, d_model]
  if (config_.pool == PoolKind::kClsMean) {
    pooled = at::cat({pooled, mean_patch()}, /*dim=*/2);
  }
  if (config_.pool == PoolKind::kClsDistillation) {
    pooled = at::cat({pooled, features.narrow(/*dim=*/1, 1, 1)}, /*dim=*/2);
  }
  if (config_.has_pooled_norm) {
    pooled = ln_final_(pooled);
  }
  if (pooler_) {
    pooled = pooler_activation_((*pooler_)(pooled));
  }
  return pooled.squeeze(1); // [batch, d_pooled]
}

torch::Tensor VisionHead::classify(const torch::Tensor& pooled) const {
  if (classifiers_.size() == 1) {
    return classifiers_.front()(pooled); // [batch, class]
  }
  const auto halves = pooled.chunk(2, /*dim=*/1);
  return (classifiers_.front()(halves[0]) + classifiers_.back()(halves[1])) / 2;
}

} // namespace ma
