// The vision tower of CLIP (Radford et al. 2021).
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  const auto part =
      vision_part(config, {{"patch_size", 32}, {"hidden_act", "quick_gelu"}});
  VisionConfig c =
      read_vision_common(part, "clip_vision_model", /*default_eps=*/1e-5);
  c.has_patch_bias = false;
  c.has_embed_norm = true;
  return c;
}

/// A classifier reads the mean of the patches, before the final norm.
void read_tensors(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c) {
  read_heads(tensors, c);
  if (c.n_classes > 0) {
    c.pool = PoolKind::kMean;
    c.pools_unnormed = true;
  }
}

} // namespace

void register_clip_vision_model(ModelRegistry& registry) {
  const VisionFormat format = {
      read_hf,
      {tower_weights(),
       "vision_model.",
       {"vision_model.embeddings.position_ids",
        "text_model.*",
        "text_projection.weight",
        "logit_scale"}},
      read_tensors};
  registry.add("clip_vision_model", {.vision = format});
  registry.add("clip", {.vision = format});
}

} // namespace ma
