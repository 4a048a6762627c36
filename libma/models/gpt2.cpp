// GPT-2 (Radford et al. 2019): LayerNorm, learned positions, plain MLP; weights
// stored [in, out].
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c;
  c.architecture = "gpt2";
  c.n_layers = config_value<std::int64_t>(config, "n_layer");
  c.d_model = config_value<std::int64_t>(config, "n_embd");
  c.n_heads = config_value<std::int64_t>(config, "n_head");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config_value_or(config, "n_inner", 4 * c.d_model);
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions = config_value<std::int64_t>(config, "n_positions");
  use_layer_norm(config, "layer_norm_epsilon", c);
  c.has_qkv_bias = true;
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.positions = PositionKind::kLearned;
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  c.attention_scale =
      config_value_or(config, "scale_attn_weights", true) ? 0.0 : 1.0;
  c.activation =
      config_value_or<std::string>(config, "activation_function", "gelu_new");
  c.has_scale_by_layer =
      config_value_or(config, "scale_attn_by_inverse_layer_idx", false);
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "transformer.wte.weight"},
    {"pos_embed.weight", "transformer.wpe.weight"},
    {"blocks.{}.ln1.weight", "transformer.h.{}.ln_1.weight"},
    {"blocks.{}.ln1.bias", "transformer.h.{}.ln_1.bias"},
    {"blocks.{}.attn.qkv.weight",
     {"transformer.h.{}.attn.c_attn.weight", transposed}},
    {"blocks.{}.attn.qkv.bias", "transformer.h.{}.attn.c_attn.bias"},
    {"blocks.{}.attn.out.weight",
     {"transformer.h.{}.attn.c_proj.weight", transposed}},
    {"blocks.{}.attn.out.bias", "transformer.h.{}.attn.c_proj.bias"},
    {"blocks.{}.ln2.weight", "transformer.h.{}.ln_2.weight"},
    {"blocks.{}.ln2.bias", "transformer.h.{}.ln_2.bias"},
    {"blocks.{}.mlp.up.weight",
     {"transformer.h.{}.mlp.c_fc.weight", transposed}},
    {"blocks.{}.mlp.up.bias", "transformer.h.{}.mlp.c_fc.bias"},
    {"blocks.{}.mlp.down.weight",
     {"transformer.h.{}.mlp.c_proj.weight", transposed}},
    {"blocks.{}.mlp.down.bias", "transformer.h.{}.mlp.c_proj.bias"},
    {"ln_final.weight", "transformer.ln_f.weight"},
    {"ln_final.bias", "transformer.ln_f.bias"},
    {"unembed.weight", "lm_head.weight"},
};

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gpt2", "gpt2");
  c.has_gated_mlp = false;
  c.positions = PositionKind::kLearned;
  c.activation = "gelu_new";
  return c;
}

} // namespace

void register_gpt2(ModelRegistry& registry) {
  registry.add(
      "gpt2",
      {.hugging_face =
           {read_hf,
            {kWeights,
             "transformer.",
             {"transformer.h.{}.attn.bias",
              "transformer.h.{}.attn.masked_bias"}}},
       .gguf = {{"gpt2", {read_gguf, {joined_gguf_weights(), "", {}}}}}});
}

} // namespace ma
