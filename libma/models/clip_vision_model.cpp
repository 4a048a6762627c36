// The vision tower of CLIP (Radford et al. 2021).
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  const auto part = vision_part(
      config,
      {{"hidden_size", 768},
       {"intermediate_size", 3072},
       {"num_hidden_layers", 12},
       {"num_attention_heads", 12},
       {"image_size", 224},
       {"patch_size", 32},
       {"hidden_act", "quick_gelu"}});
  VisionConfig c =
      read_vision_common(part, "clip_vision_model", /*default_eps=*/1e-5);
  c.has_patch_bias = false;
  c.has_embed_norm = true;
  c.has_pooled_norm = true;
  return c;
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
      read_heads};
  registry.add("clip_vision_model", {.vision = format});
  registry.add("clip", {.vision = format});
}

} // namespace ma
