// Configuration and weights of DINOv2.
#include "libma/models/dinov2_common.h"

#include "libma/models/config_reader.h"
#include "libma/models/vision_common.h"

namespace ma {

VisionConfig read_dinov2(
    const nlohmann::json& config, const std::string& architecture) {
  VisionConfig c =
      read_vision_common(config, architecture, /*default_eps=*/1e-6);
  c.has_layer_scale = true;
  c.resize = {.antialias = false, .in_float32 = true};
  if (config_value_or(config, "use_swiglu_ffn", false)) {
    // Two thirds of the width for each branch, rounded up to a multiple of 8.
    c.d_mlp = (c.d_mlp * 2 / 3 + 7) / 8 * 8;
    c.has_gated_mlp = true;
    c.activation = "silu";
  }
  return c;
}

WeightLayout dinov2_layout(const std::string& root) {
  return {
      with(
          with(common_vision_weights(root), scaled_block_weights(root)),
          {{"registers",
            {(root + "embeddings.register_tokens").c_str(), as_rows}}}),
      root,
      {root + "embeddings.mask_token"}};
}

void read_dinov2_tensors(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c) {
  read_heads(tensors, c);
  if (c.n_classes > 0) {
    c.pool = PoolKind::kClsMean;
  }
}

} // namespace ma
