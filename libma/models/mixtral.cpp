// Mixtral (Jiang et al. 2024): Mistral whose MLP is a mixture of experts. Its
// GGUF files say "llama".
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "mixtral", {.theta = 1e6});
  c.norm.eps = config_value_or(config, "rms_norm_eps", 1e-5);
  c.windows =
      read_hf_windows(config, c.n_layers, 0, [](std::int64_t) { return true; });
  c.n_experts = config_value_or<std::int64_t>(config, "num_local_experts", 8);
  c.n_experts_used =
      config_value_or<std::int64_t>(config, "num_experts_per_tok", 2);
  return c;
}

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.mlp.router.weight",
         "model.layers.{}.block_sparse_moe.gate.weight"},
        {"blocks.{}.mlp.experts.gate.weight",
         "model.layers.{}.block_sparse_moe.experts.{each}.w1.weight"},
        {"blocks.{}.mlp.experts.up.weight",
         "model.layers.{}.block_sparse_moe.experts.{each}.w3.weight"},
        {"blocks.{}.mlp.experts.down.weight",
         "model.layers.{}.block_sparse_moe.experts.{each}.w2.weight"},
    });

} // namespace

void register_mixtral(ModelRegistry& registry) {
  registry.add(
      "mixtral",
      {.hugging_face = {read_hf, {kWeights, "model.", {}}}, .gguf = {}});
}

} // namespace ma
