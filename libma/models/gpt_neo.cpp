// GPT-Neo (Black et al. 2021): GPT-2 whose blocks look at all tokens or at a
// window in turn; scores are not scaled.
#include <string>
#include <utility>
#include <vector>

#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

/// `attention_types` is a list of [[kind, kind, ...], repeats].
std::vector<std::int64_t> read_windows(const nlohmann::json& config) {
  using Types = std::vector<std::pair<std::vector<std::string>, std::int64_t>>;
  const auto window = config_value_or<std::int64_t>(config, "window_size", 256);
  std::vector<std::int64_t> windows;
  for (const auto& [kinds, repeats] :
       config_value<Types>(config, "attention_types")) {
    for (std::int64_t i = 0; i < repeats; ++i) {
      for (const std::string& kind : kinds) {
        if (kind != "local" && kind != "global") {
          throw UnknownNameError(
              "config", "attention type", kind, {"global", "local"});
        }
        windows.push_back(kind == "local" ? window : 0);
      }
    }
  }
  return windows;
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c;
  c.architecture = "gpt_neo";
  c.n_layers = config_value<std::int64_t>(config, "num_layers");
  c.d_model = config_value<std::int64_t>(config, "hidden_size");
  c.n_heads = config_value<std::int64_t>(config, "num_heads");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config_value_or(config, "intermediate_size", 4 * c.d_model);
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions =
      config_value<std::int64_t>(config, "max_position_embeddings");
  use_layer_norm(config, "layer_norm_epsilon", c);
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.activation =
      config_value_or<std::string>(config, "activation_function", "gelu_new");
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  c.positions = PositionKind::kLearned;
  c.attention_scale = 1;
  c.windows = read_windows(config);
  return c;
}

const WeightMap kWeights = {
    {"embed.weight", "transformer.wte.weight"},
    {"pos_embed.weight", "transformer.wpe.weight"},
    {"blocks.{}.ln1.weight", "transformer.h.{}.ln_1.weight"},
    {"blocks.{}.ln1.bias", "transformer.h.{}.ln_1.bias"},
    {"blocks.{}.attn.qkv.weight",
     {"transformer.h.{}.attn.attention.q_proj.weight",
      "transformer.h.{}.attn.attention.k_proj.weight",
      "transformer.h.{}.attn.attention.v_proj.weight"}},
    {"blocks.{}.attn.out.weight",
     "transformer.h.{}.attn.attention.out_proj.weight"},
    {"blocks.{}.attn.out.bias",
     "transformer.h.{}.attn.attention.out_proj.bias"},
    {"blocks.{}.ln2.weight", "transformer.h.{}.ln_2.weight"},
    {"blocks.{}.ln2.bias", "transformer.h.{}.ln_2.bias"},
    {"blocks.{}.mlp.up.weight", "transformer.h.{}.mlp.c_fc.weight"},
    {"blocks.{}.mlp.up.bias", "transformer.h.{}.mlp.c_fc.bias"},
    {"blocks.{}.mlp.down.weight", "transformer.h.{}.mlp.c_proj.weight"},
    {"blocks.{}.mlp.down.bias", "transformer.h.{}.mlp.c_proj.bias"},
    {"ln_final.weight", "transformer.ln_f.weight"},
    {"ln_final.bias", "transformer.ln_f.bias"},
    {"unembed.weight", "lm_head.weight"},
};

} // namespace

void register_gpt_neo(ModelRegistry& registry) {
  registry.add(
      "gpt_neo",
      {.hugging_face =
           {read_hf,
            {kWeights,
             "transformer.",
             {"transformer.h.{}.attn.attention.bias",
              "transformer.h.{}.attn.attention.masked_bias"}}},
       .gguf = {}});
}

} // namespace ma
