// Gemma (Gemma Team 2024): LLaMA with gains 1 + w, wide heads, a scaled
// embedding and a GELU gate.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/gemma_common.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "gemma");
  c.d_head = config_value_or<std::int64_t>(config, "head_dim", 256);
  c.rope = read_hf_rope(config, c.d_head);
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  finish_gemma(c, /*gain_offset=*/1);
  // "gelu" means its approximation here.
  const auto said = config_value_or(config, "hidden_act", c.activation);
  c.activation = said == "gelu" ? c.activation : said;
  return c;
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gemma", "gemma");
  finish_gemma(c, /*gain_offset=*/0);
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
