// StarCoder2 (Lozhkov et al. 2024): LayerNorms, a plain MLP, biases everywhere,
// grouped queries that see a sliding window.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "starcoder2");
  use_layer_norm(config, "norm_epsilon", c);
  c.has_qkv_bias = config_value_or(config, "use_bias", true);
  c.has_attn_out_bias = c.has_qkv_bias;
  c.has_mlp_bias = c.has_qkv_bias;
  c.has_gated_mlp = false;
  c.activation =
      config_value_or<std::string>(config, "hidden_act", "gelu_pytorch_tanh");
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  c.windows =
      read_hf_windows(config, c.n_layers, 0, [](std::int64_t) { return true; });
  return c;
}

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.mlp.up.weight", "model.layers.{}.mlp.c_fc.weight"},
        {"blocks.{}.mlp.up.bias", "model.layers.{}.mlp.c_fc.bias"},
        {"blocks.{}.mlp.down.weight", "model.layers.{}.mlp.c_proj.weight"},
        {"blocks.{}.mlp.down.bias", "model.layers.{}.mlp.c_proj.bias"},
    });

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "starcoder2", "starcoder2");
  c.has_gated_mlp = false;
  c.activation = "gelu_pytorch_tanh";
  return c;
}

} // namespace

void register_starcoder2(ModelRegistry& registry) {
  registry.add(
      "starcoder2",
      {.hugging_face = {read_hf, {kWeights, "model.", {}}},
       .gguf = {
           {"starcoder2",
            {read_gguf,
             {plain_mlp_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
