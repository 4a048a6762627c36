// MPT (MosaicML 2023): LayerNorm without biases, ALiBi, clipped q, k and v.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

/// nn::alibi_slopes as MPT rounds them: 2^(-8 i / n), n the next power of two,
/// float32 [head]: those of even i come first where n is more than the heads.
torch::Tensor slopes(std::int64_t n_heads) {
  if (n_heads <= 0) {
    return nn::alibi_slopes(n_heads);
  }
  std::int64_t power = 1;
  while (power < n_heads) {
    power *= 2;
  }
  const auto exponents =
      at::arange(1, power + 1, torch::kInt64).to(torch::kFloat32) *
      (8.0 / static_cast<double>(power));
  auto all = 1.0 / at::pow(2, exponents); // [power]
  if (power == n_heads) {
    return all;
  }
  const auto every_other = [&](std::int64_t first) {
    return all.slice(/*dim=*/0, first, power, /*step=*/2);
  };
  return at::cat({every_other(1), every_other(0)})
      .narrow(/*dim=*/0, 0, n_heads);
}

/// What all MPTs have in common.
void finish(DecoderConfig& c) {
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = 4 * c.d_model;
  c.norm.kind = nn::NormKind::kLayer;
  c.has_norm_bias = false;
  c.has_gated_mlp = false;
  c.activation = "gelu";
  c.positions = PositionKind::kAlibi;
  c.alibi.slopes = slopes(c.n_heads);
}

DecoderConfig read_hf(const nlohmann::json& config) {
  const auto attention = config_value_or<nlohmann::json>(
      config, "attn_config", nlohmann::json::object());
  require_value(attention, "attn_type", "multihead_attention");
  require_value(attention, "alibi", true);
  require_value(attention, "alibi_bias_max", 8);
  require_value(attention, "qk_ln", false);
  require_value(attention, "prefix_lm", false);
  require_value(config, "expansion_ratio", 4);
  require_value(config, "no_bias", true);
  require_value(config, "logit_scale", nullptr);
  DecoderConfig c;
  c.architecture = "mpt";
  c.n_layers = config_value<std::int64_t>(config, "n_layers");
  c.d_model = config_value<std::int64_t>(config, "d_model");
  c.n_heads = config_value<std::int64_t>(config, "n_heads");
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions = config_value<std::int64_t>(config, "max_seq_len");
  c.norm.eps = config_value_or(config, "layer_norm_epsilon", 1e-5);
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  c.attention_scale = config_value_or(attention, "softmax_scale", 0.0);
  c.qkv_clip = config_value_or(attention, "clip_qkv", 0.0);
  finish(c);
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "transformer.wte.weight"},
    {"blocks.{}.ln1.weight", "transformer.blocks.{}.norm_1.weight"},
    {"blocks.{}.attn.qkv.weight", "transformer.blocks.{}.attn.Wqkv.weight"},
    {"blocks.{}.attn.out.weight", "transformer.blocks.{}.attn.out_proj.weight"},
    {"blocks.{}.ln2.weight", "transformer.blocks.{}.norm_2.weight"},
    {"blocks.{}.mlp.up.weight", "transformer.blocks.{}.ffn.up_proj.weight"},
    {"blocks.{}.mlp.down.weight", "transformer.blocks.{}.ffn.down_proj.weight"},
    {"ln_final.weight", "transformer.norm_f.weight"},
    {"unembed.weight", "lm_head.weight"},
};

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  require_value(metadata, "mpt.attention.max_alibi_bias", 8);
  DecoderConfig c = read_gguf_common(metadata, "mpt", "mpt");
  require_value(metadata, "mpt.attention.head_count_kv", c.n_heads);
  finish(c);
  return c;
}

} // namespace

void register_mpt(ModelRegistry& registry) {
  registry.add(
      "mpt",
      {.hugging_face = {read_hf, {kWeights, "transformer.", {}}},
       .gguf = {
           {"mpt",
            {read_gguf, {joined_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
