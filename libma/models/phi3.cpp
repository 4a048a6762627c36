// Phi-3 and Phi-4 (Abdin et al. 2024): LLaMA with joined projections, long
// rotary factors and a sliding window.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "phi3");
  c.norm.eps = config_value_or(config, "rms_norm_eps", 1e-5);
  c.windows =
      read_hf_windows(config, c.n_layers, 0, [](std::int64_t) { return true; });
  return c;
}

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.attn.qkv.weight",
         "model.layers.{}.self_attn.qkv_proj.weight"},
        {"blocks.{}.mlp.up.weight", "model.layers.{}.mlp.gate_up_proj.weight"},
    });

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  return read_gguf_common(metadata, "phi3", "phi3");
}

} // namespace

void register_phi3(ModelRegistry& registry) {
  registry.add(
      "phi3",
      {.hugging_face = {read_hf, {kWeights, "model.", {}}},
       .gguf = {
           {"phi3",
            {read_gguf, {joined_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
