// Falcon (Almazrouei et al. 2023): attention and MLP side by side, few key and
// value heads; the first small models have ALiBi and plain blocks.
#include <cmath>

#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

/// Heads and the block's diagram.
void read_layout(const nlohmann::json& config, DecoderConfig& c) {
  const bool is_new =
      config_value_or(config, "new_decoder_architecture", false);
  const bool is_parallel = config_value_or(config, "parallel_attn", true);
  const bool has_one_kv = config_value_or(config, "multi_query", true);
  if (is_new && !is_parallel) {
    require_value(config, "parallel_attn", true);
  }
  if (is_new) {
    const auto old_count = config_value_or(config, "n_head_kv", c.n_heads);
    c.n_kv_heads = config_value_or(config, "num_kv_heads", old_count);
  } else {
    c.n_kv_heads = has_one_kv ? 1 : c.n_heads;
  }
  const auto n_norms = config_value_or<std::int64_t>(
      config, "num_ln_in_parallel_attn", is_new ? 2 : 1);
  if (!is_parallel) {
    c.block = nn::BlockKind::kPreNorm;
  } else {
    c.block = n_norms == 2 ? nn::BlockKind::kParallel
                           : nn::BlockKind::kParallelShared;
  }
}

/// Rotary positions, or ALiBi that is scaled with the scores and rounded as in
/// training.
void read_positions(const nlohmann::json& config, DecoderConfig& c) {
  if (!config_value_or(config, "alibi", false)) {
    c.rope = read_hf_rope(config, c.d_head);
    return;
  }
  c.positions = PositionKind::kAlibi;
  c.alibi = {
      .slopes = nn::alibi_slopes(c.n_heads),
      .factor = 1 / std::sqrt(static_cast<double>(c.d_head)),
      .rounds_to_bfloat16 = true};
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c;
  c.architecture = "falcon";
  c.n_layers = config_size(config, "num_hidden_layers", "n_layer");
  c.d_model = config_value<std::int64_t>(config, "hidden_size");
  c.n_heads = config_size(config, "num_attention_heads", "n_head");
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config_value_or(config, "ffn_hidden_size", 4 * c.d_model);
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions =
      config_value_or<std::int64_t>(config, "max_position_embeddings", 2048);
  use_layer_norm(config, "layer_norm_epsilon", c);
  c.has_qkv_bias = config_value_or(config, "bias", false);
  c.has_attn_out_bias = c.has_qkv_bias;
  c.has_mlp_bias = c.has_qkv_bias;
  c.has_gated_mlp = false;
  c.activation = config_value_or<std::string>(config, "activation", "gelu");
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  read_layout(config, c);
  read_positions(config, c);
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "transformer.word_embeddings.weight"},
    {"blocks.{}.ln1.weight", "transformer.h.{}.input_layernorm.weight"},
    {"blocks.{}.ln1.bias", "transformer.h.{}.input_layernorm.bias"},
    {"blocks.{}.ln1.weight", "transformer.h.{}.ln_attn.weight"},
    {"blocks.{}.ln1.bias", "transformer.h.{}.ln_attn.bias"},
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
    {"blocks.{}.ln2.weight", "transformer.h.{}.ln_mlp.weight"},
    {"blocks.{}.ln2.bias", "transformer.h.{}.ln_mlp.bias"},
    {"blocks.{}.mlp.up.weight", "transformer.h.{}.mlp.dense_h_to_4h.weight"},
    {"blocks.{}.mlp.up.bias", "transformer.h.{}.mlp.dense_h_to_4h.bias"},
    {"blocks.{}.mlp.down.weight", "transformer.h.{}.mlp.dense_4h_to_h.weight"},
    {"blocks.{}.mlp.down.bias", "transformer.h.{}.mlp.dense_4h_to_h.bias"},
    {"ln_final.weight", "transformer.ln_f.weight"},
    {"ln_final.bias", "transformer.ln_f.bias"},
    {"unembed.weight", "lm_head.weight"},
};

// The converter joins q, k and v in our order. Where there are two norms,
// attn_norm is the MLP's.
const WeightMap kGgufWeights = with(
    joined_gguf_weights(),
    {{"blocks.{}.ln1.weight", "blk.{}.attn_norm_2.weight"},
     {"blocks.{}.ln1.bias", "blk.{}.attn_norm_2.bias"},
     {"blocks.{}.ln2.weight", "blk.{}.attn_norm.weight"},
     {"blocks.{}.ln2.bias", "blk.{}.attn_norm.bias"}});
const WeightMap kGgufLayout = or_else(
    kGgufWeights,
    {{"blocks.{}.ln1.weight", "blk.{}.attn_norm.weight"},
     {"blocks.{}.ln1.bias", "blk.{}.attn_norm.bias"}});

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "falcon", "falcon");
  c.has_gated_mlp = false;
  c.activation = "gelu";
  return c;
}

/// Only tensors tell whether attention and MLP have a norm each.
void read_gguf_tensors(
    const std::map<std::string, TensorInfo>& tensors, DecoderConfig& c) {
  c.block = tensors.contains("blk.0.attn_norm_2.weight")
                ? nn::BlockKind::kParallel
                : nn::BlockKind::kParallelShared;
}

} // namespace

void register_falcon(ModelRegistry& registry) {
  registry.add(
      "falcon",
      {.hugging_face =
           {read_hf,
            {kWeights,
             "transformer.",
             {"transformer.h.{}.self_attention.rotary_emb.inv_freq"}}},
       .gguf = {
           {"falcon",
            {read_gguf,
             {kGgufLayout, "", gguf_rope_tensors()},
             read_gguf_tensors}}}});
}

} // namespace ma
