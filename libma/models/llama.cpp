// LLaMA 1-3 and models of the same shape (Touvron et al. 2023): RMSNorm, rotary
// positions, grouped queries, gated MLP.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  return read_hf_common(config, "llama");
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  return read_gguf_common(metadata, "llama", "llama");
}

// Mixtral's first files have one tensor for each expert.
const WeightMap kGgufWeights = or_else(
    permuted_gguf_weights(),
    {{"blocks.{}.mlp.experts.gate.weight", "blk.{}.ffn_gate.{each}.weight"},
     {"blocks.{}.mlp.experts.up.weight", "blk.{}.ffn_up.{each}.weight"},
     {"blocks.{}.mlp.experts.down.weight", "blk.{}.ffn_down.{each}.weight"}});

} // namespace

void register_llama(ModelRegistry& registry) {
  registry.add(
      "llama",
      {.hugging_face =
           {read_hf,
            {common_hf_weights(),
             "model.",
             {"model.layers.{}.self_attn.rotary_emb.inv_freq"}}},
       .gguf = {
           {"llama", {read_gguf, {kGgufWeights, "", gguf_rope_tensors()}}}}});
}

} // namespace ma
