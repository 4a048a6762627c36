// Phi-1 to Phi-2 (Li et al. 2023): attention and MLP side by side after one
// LayerNorm, partial rotary positions, biases everywhere.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c =
      read_hf_common(config, "phi", {.partial_rotary_factor = 0.5});
  use_layer_norm(config, "layer_norm_eps", c);
  c.block = nn::BlockKind::kParallelShared;
  c.has_qkv_bias = true;
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.has_unembed_bias = true;
  c.activation = config_value_or<std::string>(config, "hidden_act", "gelu_new");
  if (config_value_or(config, "qk_layernorm", false)) {
    c.qk_norm = nn::QkNorm::kHead;
    c.has_qk_norm_bias = true;
  }
  return c;
}

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.attn.q_norm.weight",
         "model.layers.{}.self_attn.q_layernorm.weight"},
        {"blocks.{}.attn.q_norm.bias",
         "model.layers.{}.self_attn.q_layernorm.bias"},
        {"blocks.{}.attn.k_norm.weight",
         "model.layers.{}.self_attn.k_layernorm.weight"},
        {"blocks.{}.attn.k_norm.bias",
         "model.layers.{}.self_attn.k_layernorm.bias"},
        {"blocks.{}.attn.out.weight", "model.layers.{}.self_attn.dense.weight"},
        {"blocks.{}.attn.out.bias", "model.layers.{}.self_attn.dense.bias"},
        {"blocks.{}.mlp.up.weight", "model.layers.{}.mlp.fc1.weight"},
        {"blocks.{}.mlp.up.bias", "model.layers.{}.mlp.fc1.bias"},
        {"blocks.{}.mlp.down.weight", "model.layers.{}.mlp.fc2.weight"},
        {"blocks.{}.mlp.down.bias", "model.layers.{}.mlp.fc2.bias"},
        {"ln_final.weight", "model.final_layernorm.weight"},
        {"ln_final.bias", "model.final_layernorm.bias"},
    });

// Files written before Phi's own class in transformers have q, k and v joined.
const WeightMap kGgufWeights = or_else(
    plain_mlp_gguf_weights(),
    {{"blocks.{}.attn.qkv.weight", "blk.{}.attn_qkv.weight"},
     {"blocks.{}.attn.qkv.bias", "blk.{}.attn_qkv.bias"}});

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "phi2", "phi");
  c.block = nn::BlockKind::kParallelShared;
  c.has_gated_mlp = false;
  c.activation = "gelu_new";
  return c;
}

} // namespace

void register_phi(ModelRegistry& registry) {
  registry.add(
      "phi",
      {.hugging_face = {read_hf, {kWeights, "model.", {}}},
       .gguf = {
           {"phi2", {read_gguf, {kGgufWeights, "", gguf_rope_tensors()}}}}});
}

} // namespace ma
