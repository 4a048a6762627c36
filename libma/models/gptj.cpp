// GPT-J (Wang & Komatsuzaki 2021): attention and MLP side by side after one
// LayerNorm; neighbouring dims rotate.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c;
  c.architecture = "gptj";
  c.n_layers = config_value<std::int64_t>(config, "n_layer");
  c.d_model = config_value<std::int64_t>(config, "n_embd");
  c.n_heads = config_value<std::int64_t>(config, "n_head");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config_value_or(config, "n_inner", 4 * c.d_model);
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions = config_value<std::int64_t>(config, "n_positions");
  c.block = nn::BlockKind::kParallelShared;
  use_layer_norm(config, "layer_norm_epsilon", c);
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.activation =
      config_value_or<std::string>(config, "activation_function", "gelu_new");
  c.has_tied_unembedding =
      config_value_or(config, "tie_word_embeddings", false);
  c.has_unembed_bias = true;
  c.rope.d_rotary = config_value<std::int64_t>(config, "rotary_dim");
  c.rope.interleaved = true;
  c.rope.max_positions = c.max_positions;
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "transformer.wte.weight"},
    {"blocks.{}.ln1.weight", "transformer.h.{}.ln_1.weight"},
    {"blocks.{}.ln1.bias", "transformer.h.{}.ln_1.bias"},
    {"blocks.{}.attn.qkv.weight",
     {"transformer.h.{}.attn.q_proj.weight",
      "transformer.h.{}.attn.k_proj.weight",
      "transformer.h.{}.attn.v_proj.weight"}},
    {"blocks.{}.attn.out.weight", "transformer.h.{}.attn.out_proj.weight"},
    {"blocks.{}.mlp.up.weight", "transformer.h.{}.mlp.fc_in.weight"},
    {"blocks.{}.mlp.up.bias", "transformer.h.{}.mlp.fc_in.bias"},
    {"blocks.{}.mlp.down.weight", "transformer.h.{}.mlp.fc_out.weight"},
    {"blocks.{}.mlp.down.bias", "transformer.h.{}.mlp.fc_out.bias"},
    {"ln_final.weight", "transformer.ln_f.weight"},
    {"ln_final.bias", "transformer.ln_f.bias"},
    {"unembed.weight", "lm_head.weight"},
    {"unembed.bias", "lm_head.bias"},
};

} // namespace

void register_gptj(ModelRegistry& registry) {
  registry.add(
      "gptj",
      {.hugging_face =
           {read_hf,
            {kWeights,
             "transformer.",
             {"transformer.h.{}.attn.bias",
              "transformer.h.{}.attn.masked_bias"}}},
       .gguf = {}});
}

} // namespace ma
