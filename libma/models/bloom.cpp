// BLOOM (Le Scao et al. 2022): ALiBi, a LayerNorm on the embedding.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

/// What all formats leave unsaid.
void finish(DecoderConfig& c) {
  c.has_embed_norm = true;
  c.has_gated_mlp = false;
  c.activation = "gelu_rounded";
  c.positions = PositionKind::kAlibi;
  c.alibi.slopes = nn::alibi_slopes(c.n_heads);
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c;
  c.architecture = "bloom";
  c.n_layers = config_size(config, "n_layer", "num_hidden_layers");
  c.d_model = config_size(config, "hidden_size", "n_embed");
  c.n_heads = config_size(config, "n_head", "num_attention_heads");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = 4 * c.d_model;
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions = config_value_or<std::int64_t>(config, "seq_length", 2048);
  use_layer_norm(config, "layer_norm_epsilon", c);
  c.has_qkv_bias = true;
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  if (config_value_or(
          config, "apply_residual_connection_post_layernorm", false)) {
    c.block = nn::BlockKind::kNormedStream;
  }
  finish(c);
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "transformer.word_embeddings.weight"},
    {"embed.ln.weight", "transformer.word_embeddings_layernorm.weight"},
    {"embed.ln.bias", "transformer.word_embeddings_layernorm.bias"},
    {"blocks.{}.ln1.weight", "transformer.h.{}.input_layernorm.weight"},
    {"blocks.{}.ln1.bias", "transformer.h.{}.input_layernorm.bias"},
    {"blocks.{}.attn.qkv.weight",
     {"transformer.h.{}.self_attention.query_key_value.weight", ungrouped_qkv}},
    {"blocks.{}.attn.qkv.bias",
     {"transformer.h.{}.self_attention.query_key_value.bias", ungrouped_qkv}},
    {"blocks.{}.attn.out.weight",
     "transformer.h.{}.self_attention.dense.weight"},
    {"blocks.{}.attn.out.bias", "transformer.h.{}.self_attention.dense.bias"},
    {"blocks.{}.ln2.weight",
     "transformer.h.{}.post_attention_layernorm.weight"},
    {"blocks.{}.ln2.bias", "transformer.h.{}.post_attention_layernorm.bias"},
    {"blocks.{}.mlp.up.weight", "transformer.h.{}.mlp.dense_h_to_4h.weight"},
    {"blocks.{}.mlp.up.bias", "transformer.h.{}.mlp.dense_h_to_4h.bias"},
    {"blocks.{}.mlp.down.weight", "transformer.h.{}.mlp.dense_4h_to_h.weight"},
    {"blocks.{}.mlp.down.bias", "transformer.h.{}.mlp.dense_4h_to_h.bias"},
    {"ln_final.weight", "transformer.ln_f.weight"},
    {"ln_final.bias", "transformer.ln_f.bias"},
    {"unembed.weight", "lm_head.weight"},
};

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "bloom", "bloom");
  finish(c);
  return c;
}

} // namespace

void register_bloom(ModelRegistry& registry) {
  registry.add(
      "bloom",
      {.hugging_face = {read_hf, {kWeights, "transformer.", {}}},
       .gguf = {
           {"bloom",
            {read_gguf, {joined_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
