// GPT-NeoX and Pythia (Black et al. 2022; Biderman et al. 2023): attention and
// MLP side by side, each with its LayerNorm, partial rotary positions.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

nn::BlockKind block_kind(bool is_parallel) {
  return is_parallel ? nn::BlockKind::kParallel : nn::BlockKind::kPreNorm;
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(
      config,
      "gpt_neox",
      {.theta = config_value_or(config, "rotary_emb_base", 10000.0),
       .partial_rotary_factor = config_value_or(config, "rotary_pct", 0.25)});
  use_layer_norm(config, "layer_norm_eps", c);
  c.block = block_kind(config_value_or(config, "use_parallel_residual", true));
  c.has_qkv_bias = config_value_or(config, "attention_bias", true);
  c.has_attn_out_bias = c.has_qkv_bias;
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.activation = config_value_or<std::string>(config, "hidden_act", "gelu");
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "gpt_neox.embed_in.weight"},
    {"blocks.{}.ln1.weight", "gpt_neox.layers.{}.input_layernorm.weight"},
    {"blocks.{}.ln1.bias", "gpt_neox.layers.{}.input_layernorm.bias"},
    {"blocks.{}.attn.qkv.weight",
     {"gpt_neox.layers.{}.attention.query_key_value.weight", ungrouped_qkv}},
    {"blocks.{}.attn.qkv.bias",
     {"gpt_neox.layers.{}.attention.query_key_value.bias", ungrouped_qkv}},
    {"blocks.{}.attn.out.weight", "gpt_neox.layers.{}.attention.dense.weight"},
    {"blocks.{}.attn.out.bias", "gpt_neox.layers.{}.attention.dense.bias"},
    {"blocks.{}.ln2.weight",
     "gpt_neox.layers.{}.post_attention_layernorm.weight"},
    {"blocks.{}.ln2.bias", "gpt_neox.layers.{}.post_attention_layernorm.bias"},
    {"blocks.{}.mlp.up.weight", "gpt_neox.layers.{}.mlp.dense_h_to_4h.weight"},
    {"blocks.{}.mlp.up.bias", "gpt_neox.layers.{}.mlp.dense_h_to_4h.bias"},
    {"blocks.{}.mlp.down.weight",
     "gpt_neox.layers.{}.mlp.dense_4h_to_h.weight"},
    {"blocks.{}.mlp.down.bias", "gpt_neox.layers.{}.mlp.dense_4h_to_h.bias"},
    {"ln_final.weight", "gpt_neox.final_layer_norm.weight"},
    {"ln_final.bias", "gpt_neox.final_layer_norm.bias"},
    {"unembed.weight", "embed_out.weight"},
};

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gptneox", "gpt_neox");
  c.block = block_kind(
      config_value_or(metadata, "gptneox.use_parallel_residual", true));
  c.has_gated_mlp = false;
  c.activation = "gelu";
  return c;
}

} // namespace

void register_gpt_neox(ModelRegistry& registry) {
  registry.add(
      "gpt_neox",
      {.hugging_face =
           {read_hf,
            {kWeights,
             "gpt_neox.",
             {"gpt_neox.layers.{}.attention.rotary_emb.inv_freq",
              "gpt_neox.layers.{}.attention.bias",
              "gpt_neox.layers.{}.attention.masked_bias"}}},
       .gguf = {
           {"gptneox",
            {read_gguf, {joined_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
