// Configuration and weights of DINOv2.
#include "libma/models/dinov2_common.h"

#include "libma/core/error.h"
#include "libma/models/config_reader.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

/// Norms, layer scale and MLP of a block.
WeightMap block_weights(const std::string& root) {
  const auto in_block = [&](const char* name) {
    return below(root, c10::str("encoder.layer.{}.", name).c_str());
  };
  return {
      {"blocks.{}.ln1.weight", in_block("norm1.weight")},
      {"blocks.{}.ln1.bias", in_block("norm1.bias")},
      {"blocks.{}.attn.gain", in_block("layer_scale1.lambda1")},
      {"blocks.{}.ln2.weight", in_block("norm2.weight")},
      {"blocks.{}.ln2.bias", in_block("norm2.bias")},
      {"blocks.{}.mlp.gain", in_block("layer_scale2.lambda1")},
      {"blocks.{}.mlp.up.weight", in_block("mlp.fc1.weight")},
      {"blocks.{}.mlp.up.bias", in_block("mlp.fc1.bias")},
      {"blocks.{}.mlp.down.weight", in_block("mlp.fc2.weight")},
      {"blocks.{}.mlp.down.bias", in_block("mlp.fc2.bias")}};
}

/// The MLP of the giant: [gate | up] rows.
WeightMap gated_mlp_weights(const std::string& root) {
  const auto in_mlp = [&](const char* name) {
    return below(root, c10::str("encoder.layer.{}.mlp.", name).c_str());
  };
  return {
      {"blocks.{}.mlp.up.weight", in_mlp("weights_in.weight")},
      {"blocks.{}.mlp.up.bias", in_mlp("weights_in.bias")},
      {"blocks.{}.mlp.down.weight", in_mlp("weights_out.weight")},
      {"blocks.{}.mlp.down.bias", in_mlp("weights_out.bias")}};
}

} // namespace

VisionConfig read_dinov2(
    const nlohmann::json& config, const std::string& architecture) {
  auto sizes = config;
  sizes["mlp_ratio"] = config_value_or(config, "mlp_ratio", 4.0);
  VisionConfig c =
      read_vision_common(sizes, architecture, /*default_eps=*/1e-6);
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
      or_else(
          with(
              with(common_vision_weights(root), block_weights(root)),
              {{"registers",
                below(root, "embeddings.register_tokens", as_rows)}}),
          gated_mlp_weights(root)),
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
