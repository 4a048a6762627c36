// OLMo 2 (OLMo Team 2024): LLaMA with norms behind attention and MLP, and on q
// and k across heads.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

void finish(DecoderConfig& c) {
  c.block = nn::BlockKind::kOutputNorm;
  c.norm.rounding = nn::NormRounding::kAfterGain;
  c.qk_norm = nn::QkNorm::kAcrossHeads;
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "olmo2");
  c.norm.eps = config_value_or(config, "rms_norm_eps", 1e-5);
  finish(c);
  return c;
}

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.ln1_post.weight",
         "model.layers.{}.post_attention_layernorm.weight"},
        {"blocks.{}.ln2_post.weight",
         "model.layers.{}.post_feedforward_layernorm.weight"},
    });

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  require_value(metadata, "olmo2.attention.sliding_window", 0); // OLMo 3
  DecoderConfig c = read_gguf_common(metadata, "olmo2", "olmo2");
  finish(c);
  return c;
}

} // namespace

void register_olmo2(ModelRegistry& registry) {
  registry.add(
      "olmo2",
      {.hugging_face = {read_hf, {kWeights, "model.", {}}},
       .gguf = {
           {"olmo2",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
