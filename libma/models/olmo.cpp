// OLMo (Groeneveld et al. 2024): LLaMA with LayerNorms that have no
// parameters, q, k and v clipped.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "olmo");
  c.norm = {.kind = nn::NormKind::kLayer, .eps = 1e-5};
  c.has_norm_weight = false;
  c.qkv_clip = config_value_or(config, "clip_qkv", 0.0);
  c.rope.in_float32 = true;
  return c;
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "olmo", "olmo");
  c.has_norm_weight = false;
  c.has_norm_bias = false;
  c.rope.in_float32 = true;
  return c;
}

} // namespace

void register_olmo(ModelRegistry& registry) {
  registry.add(
      "olmo",
      {.hugging_face = {read_hf, {common_hf_weights(), "model.", {}}},
       .gguf = {
           {"olmo",
            {read_gguf, {permuted_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
