// LLaMA 1-3 and models of the same shape (Touvron et al. 2023): RMSNorm, rotary
// positions, grouped queries, gated MLP.
#include <cmath>

#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

using nlohmann::json;

DecoderConfig read_hf(const json& config) {
  DecoderConfig c;
  c.architecture = "llama";
  c.n_layers = config_value<std::int64_t>(config, "num_hidden_layers");
  c.d_model = config_value<std::int64_t>(config, "hidden_size");
  c.n_heads = config_value<std::int64_t>(config, "num_attention_heads");
  c.n_kv_heads = config_value_or(config, "num_key_value_heads", c.n_heads);
  c.d_head = config_value_or(
      config, "head_dim", c.n_heads > 0 ? c.d_model / c.n_heads : 0);
  c.d_mlp = config_value<std::int64_t>(config, "intermediate_size");
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions =
      config_value_or<std::int64_t>(config, "max_position_embeddings", 2048);
  c.norm = {
      .kind = nn::NormKind::kRms,
      .eps = config_value_or(config, "rms_norm_eps", 1e-6)};
  c.has_qkv_bias = config_value_or(config, "attention_bias", false);
  c.has_attn_out_bias = c.has_qkv_bias;
  c.has_mlp_bias = config_value_or(config, "mlp_bias", false);
  c.has_tied_unembedding =
      config_value_or(config, "tie_word_embeddings", false);
  c.activation = config_value_or<std::string>(config, "hidden_act", "silu");
  c.rope = read_hf_rope(config, c.d_head, 10000.0);
  return c;
}

DecoderConfig read_gguf(const json& metadata) {
  DecoderConfig c;
  c.architecture = "llama";
  c.n_layers = config_value<std::int64_t>(metadata, "llama.block_count");
  c.d_model = config_value<std::int64_t>(metadata, "llama.embedding_length");
  c.n_heads =
      config_value<std::int64_t>(metadata, "llama.attention.head_count");
  c.n_kv_heads =
      config_value_or(metadata, "llama.attention.head_count_kv", c.n_heads);
  c.d_head = config_value_or(
      metadata,
      "llama.attention.key_length",
      c.n_heads > 0 ? c.d_model / c.n_heads : 0);
  c.d_mlp = config_value<std::int64_t>(metadata, "llama.feed_forward_length");
  c.max_positions =
      config_value<std::int64_t>(metadata, "llama.context_length");
  c.norm = {
      .kind = nn::NormKind::kRms,
      .eps = config_value<double>(
          metadata, "llama.attention.layer_norm_rms_epsilon")};
  c.rope.theta = config_value_or(metadata, "llama.rope.freq_base", 10000.0);
  c.rope.d_rotary =
      config_value_or(metadata, "llama.rope.dimension_count", c.d_head);
  c.rope.max_positions = c.max_positions;
  if (config_value_or<std::string>(
          metadata, "llama.rope.scaling.type", "none") != "none") {
    throw ConfigError(
        "llama.rope.scaling.type",
        "scaled rotary positions are not read from GGUF; use the Hugging Face "
        "folder");
  }
  return c;
}

/// GGUF stores the rows of q and k for rotation of neighbouring pairs (2i, 2i +
/// 1); back to pairs (i, i + d_head / 2).
torch::Tensor unpermute(const torch::Tensor& stored, std::int64_t n_heads) {
  const auto half = stored.size(0) / n_heads / 2;
  return stored.view({n_heads, half, 2, -1})
      .transpose(1, 2)
      .reshape(stored.sizes());
}

torch::Tensor unpermute_q(
    const torch::Tensor& stored, const DecoderConfig& config) {
  return unpermute(stored, config.n_heads);
}

torch::Tensor unpermute_k(
    const torch::Tensor& stored, const DecoderConfig& config) {
  return unpermute(stored, config.n_kv_heads);
}

const WeightMap kHfWeights = {
    {"embed.weight", "model.embed_tokens.weight"},
    {"blocks.{}.ln1.weight", "model.layers.{}.input_layernorm.weight"},
    {"blocks.{}.attn.qkv.weight",
     {"model.layers.{}.self_attn.q_proj.weight",
      "model.layers.{}.self_attn.k_proj.weight",
      "model.layers.{}.self_attn.v_proj.weight"}},
    {"blocks.{}.attn.qkv.bias",
     {"model.layers.{}.self_attn.q_proj.bias",
      "model.layers.{}.self_attn.k_proj.bias",
      "model.layers.{}.self_attn.v_proj.bias"}},
    {"blocks.{}.attn.out.weight", "model.layers.{}.self_attn.o_proj.weight"},
    {"blocks.{}.attn.out.bias", "model.layers.{}.self_attn.o_proj.bias"},
    {"blocks.{}.ln2.weight", "model.layers.{}.post_attention_layernorm.weight"},
    {"blocks.{}.mlp.up.weight",
     {"model.layers.{}.mlp.gate_proj.weight",
      "model.layers.{}.mlp.up_proj.weight"}},
    {"blocks.{}.mlp.up.bias",
     {"model.layers.{}.mlp.gate_proj.bias",
      "model.layers.{}.mlp.up_proj.bias"}},
    {"blocks.{}.mlp.down.weight", "model.layers.{}.mlp.down_proj.weight"},
    {"blocks.{}.mlp.down.bias", "model.layers.{}.mlp.down_proj.bias"},
    {"ln_final.weight", "model.norm.weight"},
    {"unembed.weight", "lm_head.weight"},
};

const WeightMap kGgufWeights = {
    {"embed.weight", "token_embd.weight"},
    {"blocks.{}.ln1.weight", "blk.{}.attn_norm.weight"},
    {"blocks.{}.attn.qkv.weight",
     {{"blk.{}.attn_q.weight", unpermute_q},
      {"blk.{}.attn_k.weight", unpermute_k},
      "blk.{}.attn_v.weight"}},
    {"blocks.{}.attn.out.weight", "blk.{}.attn_output.weight"},
    {"blocks.{}.ln2.weight", "blk.{}.ffn_norm.weight"},
    {"blocks.{}.mlp.up.weight",
     {"blk.{}.ffn_gate.weight", "blk.{}.ffn_up.weight"}},
    {"blocks.{}.mlp.down.weight", "blk.{}.ffn_down.weight"},
    {"ln_final.weight", "output_norm.weight"},
    {"unembed.weight", "output.weight"},
};

} // namespace

void register_llama(ModelRegistry& registry) {
  registry.add(
      "llama",
      {.hugging_face =
           {read_hf,
            {kHfWeights,
             "model.",
             {"model.layers.{}.self_attn.rotary_emb.inv_freq"}}},
       .gguf = ArchitectureFormat{read_gguf, {kGgufWeights, "", {}}}});
}

} // namespace ma
