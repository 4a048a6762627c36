// OPT (Zhang et al. 2022): GPT-2's shape with ReLU; the model of 350 million
// parameters normalises the stream and has a narrow embedding.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c;
  c.architecture = "opt";
  c.n_layers = config_value<std::int64_t>(config, "num_hidden_layers");
  c.d_model = config_value<std::int64_t>(config, "hidden_size");
  c.n_heads = config_value<std::int64_t>(config, "num_attention_heads");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config_value<std::int64_t>(config, "ffn_dim");
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions =
      config_value<std::int64_t>(config, "max_position_embeddings");
  c.norm = {.kind = nn::NormKind::kLayer, .eps = 1e-5};
  c.has_norm_weight =
      config_value_or(config, "layer_norm_elementwise_affine", true);
  c.has_norm_bias = c.has_norm_weight;
  c.has_qkv_bias = config_value_or(config, "enable_bias", true);
  c.has_attn_out_bias = c.has_qkv_bias;
  c.has_mlp_bias = c.has_qkv_bias;
  c.has_gated_mlp = false;
  c.activation =
      config_value_or<std::string>(config, "activation_function", "relu");
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  c.positions = PositionKind::kLearned;
  c.position_offset = 2;
  const bool is_pre_norm =
      config_value_or(config, "do_layer_norm_before", true);
  c.block = is_pre_norm ? nn::BlockKind::kPreNorm : nn::BlockKind::kStreamNorm;
  c.has_final_norm =
      is_pre_norm &&
      !config_value_or(config, "_remove_final_layer_norm", false);
  const auto d_embed =
      config_value_or(config, "word_embed_proj_dim", c.d_model);
  c.d_embed = d_embed == c.d_model ? 0 : d_embed;
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "model.decoder.embed_tokens.weight"},
    {"embed.project.weight", "model.decoder.project_in.weight"},
    {"pos_embed.weight", "model.decoder.embed_positions.weight"},
    {"blocks.{}.ln1.weight",
     "model.decoder.layers.{}.self_attn_layer_norm.weight"},
    {"blocks.{}.ln1.bias", "model.decoder.layers.{}.self_attn_layer_norm.bias"},
    {"blocks.{}.attn.qkv.weight",
     {"model.decoder.layers.{}.self_attn.q_proj.weight",
      "model.decoder.layers.{}.self_attn.k_proj.weight",
      "model.decoder.layers.{}.self_attn.v_proj.weight"}},
    {"blocks.{}.attn.qkv.bias",
     {"model.decoder.layers.{}.self_attn.q_proj.bias",
      "model.decoder.layers.{}.self_attn.k_proj.bias",
      "model.decoder.layers.{}.self_attn.v_proj.bias"}},
    {"blocks.{}.attn.out.weight",
     "model.decoder.layers.{}.self_attn.out_proj.weight"},
    {"blocks.{}.attn.out.bias",
     "model.decoder.layers.{}.self_attn.out_proj.bias"},
    {"blocks.{}.ln2.weight", "model.decoder.layers.{}.final_layer_norm.weight"},
    {"blocks.{}.ln2.bias", "model.decoder.layers.{}.final_layer_norm.bias"},
    {"blocks.{}.mlp.up.weight", "model.decoder.layers.{}.fc1.weight"},
    {"blocks.{}.mlp.up.bias", "model.decoder.layers.{}.fc1.bias"},
    {"blocks.{}.mlp.down.weight", "model.decoder.layers.{}.fc2.weight"},
    {"blocks.{}.mlp.down.bias", "model.decoder.layers.{}.fc2.bias"},
    {"ln_final.weight", "model.decoder.final_layer_norm.weight"},
    {"ln_final.bias", "model.decoder.final_layer_norm.bias"},
    {"unembed.project.weight", "model.decoder.project_out.weight"},
    {"unembed.weight", "lm_head.weight"},
};

} // namespace

void register_opt(ModelRegistry& registry) {
  registry.add(
      "opt", {.hugging_face = {read_hf, {kWeights, "model.", {}}}, .gguf = {}});
}

} // namespace ma
