// The vision tower of SigLIP (Zhai et al. 2023): no class token, attention
// pooling.
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  const auto part = vision_part(
      config, {{"patch_size", 16}, {"hidden_act", "gelu_pytorch_tanh"}});
  VisionConfig c =
      read_vision_common(part, "siglip_vision_model", /*default_eps=*/1e-6);
  c.has_cls = false;
  c.pool = config_value_or(part, "vision_use_head", true) ? PoolKind::kAttention
                                                          : PoolKind::kMean;
  return c;
}

WeightMap weights() {
  return with(
      tower_weights(),
      {{"pool.query", {"vision_model.head.probe", as_rows}},
       {"pool.qkv.weight", "vision_model.head.attention.in_proj_weight"},
       {"pool.qkv.bias", "vision_model.head.attention.in_proj_bias"},
       {"pool.out.weight", "vision_model.head.attention.out_proj.weight"},
       {"pool.out.bias", "vision_model.head.attention.out_proj.bias"},
       {"pool.ln.weight", "vision_model.head.layernorm.weight"},
       {"pool.ln.bias", "vision_model.head.layernorm.bias"},
       {"pool.mlp.up.weight", "vision_model.head.mlp.fc1.weight"},
       {"pool.mlp.up.bias", "vision_model.head.mlp.fc1.bias"},
       {"pool.mlp.down.weight", "vision_model.head.mlp.fc2.weight"},
       {"pool.mlp.down.bias", "vision_model.head.mlp.fc2.bias"}});
}

/// A classifier reads the mean of the patches.
void read_tensors(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c) {
  read_heads(tensors, c);
  if (c.n_classes > 0) {
    c.pool = PoolKind::kMean;
  }
}

} // namespace

void register_siglip_vision_model(ModelRegistry& registry) {
  const VisionFormat format = {
      read_hf,
      {weights(),
       "vision_model.",
       {"vision_model.embeddings.position_ids",
        "text_model.*",
        "logit_scale",
        "logit_bias",
        "vision_model.head.*"}}, // unread beside a classifier
      read_tensors};
  registry.add("siglip_vision_model", {.vision = format});
  registry.add("siglip", {.vision = format});
}

} // namespace ma
