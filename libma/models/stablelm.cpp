// StableLM (Stability AI 2023-24): LLaMA with LayerNorms and partial rotary
// positions; larger ones normalise q and k with gains of each head, or run
// attention and MLP side by side.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

nn::BlockKind block_kind(bool is_parallel) {
  return is_parallel ? nn::BlockKind::kParallelShared : nn::BlockKind::kPreNorm;
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c =
      read_hf_common(config, "stablelm", {.partial_rotary_factor = 0.25});
  use_layer_norm(config, "layer_norm_eps", c);
  c.has_qkv_bias = config_value_or(config, "use_qkv_bias", false);
  c.has_attn_out_bias = false;
  c.block = block_kind(config_value_or(config, "use_parallel_residual", false));
  if (config_value_or(config, "qk_layernorm", false)) {
    c.qk_norm = nn::QkNorm::kHeadGains;
  }
  return c;
}

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.attn.q_norm.weight",
         "model.layers.{}.self_attn.q_layernorm.norms.{each}.weight"},
        {"blocks.{}.attn.k_norm.weight",
         "model.layers.{}.self_attn.k_layernorm.norms.{each}.weight"},
    });

torch::Tensor flattened(
    const torch::Tensor& stored, const TransformerConfig& /*config*/) {
  return stored.flatten();
}

// Gains are stored [head, d_head].
const WeightMap kGgufWeights = with(
    common_gguf_weights(),
    {{"blocks.{}.attn.q_norm.weight", {"blk.{}.attn_q_norm.weight", flattened}},
     {"blocks.{}.attn.k_norm.weight",
      {"blk.{}.attn_k_norm.weight", flattened}}});

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "stablelm", "stablelm");
  c.qk_norm = nn::QkNorm::kHeadGains;
  return c;
}

/// Metadata call models parallel that are not: only a missing norm tells.
void read_gguf_tensors(
    const std::map<std::string, TensorInfo>& tensors, DecoderConfig& c) {
  c.block = block_kind(!tensors.contains("blk.0.ffn_norm.weight"));
}

} // namespace

void register_stablelm(ModelRegistry& registry) {
  registry.add(
      "stablelm",
      {.hugging_face =
           {read_hf,
            {kWeights,
             "model.",
             {"model.layers.{}.self_attn.rotary_emb.inv_freq"}}},
       .gguf = {
           {"stablelm",
            {read_gguf,
             {kGgufWeights, "", gguf_rope_tensors()},
             read_gguf_tensors}}}});
}

} // namespace ma
