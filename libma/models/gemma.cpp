// Gemma (Gemma Team 2024): LLaMA with gains 1 + w, wide heads, a scaled
// embedding and a GELU gate.
#include <cmath>

#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

/// What all formats leave unsaid; GGUF's converter has added the gain's 1.
void finish(DecoderConfig& c, double gain_offset) {
  c.norm.gain_offset = gain_offset;
  c.norm.rounding = nn::NormRounding::kAfterGain;
  c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  c.activation = "gelu_pytorch_tanh";
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "gemma");
  c.d_head = config_value_or<std::int64_t>(config, "head_dim", 256);
  c.rope = read_hf_rope(config, c.d_head);
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  finish(c, /*gain_offset=*/1);
  // "gelu" means its approximation here.
  const auto said = config_value_or(config, "hidden_act", c.activation);
  c.activation = said == "gelu" ? c.activation : said;
  return c;
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gemma", "gemma");
  finish(c, /*gain_offset=*/0);
  return c;
}

} // namespace

void register_gemma(ModelRegistry& registry) {
  registry.add(
      "gemma",
      {.hugging_face =
           {read_hf,
            {common_hf_weights(),
             "model.",
             {"model.layers.{}.self_attn.rotary_emb.inv_freq"}}},
       .gguf = {
           {"gemma",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
