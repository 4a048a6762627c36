// Gemma 2 (Gemma Team 2024): norms before and behind each half of a block, soft
// caps on scores and logits, a window in every other block.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/gemma_common.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

void finish(DecoderConfig& c, double gain_offset) {
  finish_gemma(c, gain_offset);
  c.block = nn::BlockKind::kSandwich;
}

bool has_window(std::int64_t layer) {
  return layer % 2 == 0;
}

/// A soft cap: `fallback` when the config says nothing, none when it says null.
double cap(
    const nlohmann::json& config, const std::string& key, double fallback) {
  return config.contains(key) ? config_value_or(config, key, 0.0) : fallback;
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "gemma2");
  c.d_head = config_value_or<std::int64_t>(config, "head_dim", 256);
  c.rope = read_hf_rope(config, c.d_head);
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  finish(c, /*gain_offset=*/1);
  c.activation = config_value_or<std::string>(
      config, "hidden_activation", "gelu_pytorch_tanh");
  c.attention_scale = read_query_scale(config);
  c.attention_softcap = cap(config, "attn_logit_softcapping", 50);
  c.logit_softcap = cap(config, "final_logit_softcapping", 30);
  require_value(config, "use_bidirectional_attention", false);
  c.windows = read_hf_windows(config, c.n_layers, 4096, has_window);
  return c;
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gemma2", "gemma2");
  finish(c, /*gain_offset=*/0);
  if (c.attention_scale == 0) {
    c.attention_scale = guess_query_scale(c);
  }
  const auto window = config_value_or<std::int64_t>(
      metadata, "gemma2.attention.sliding_window", 4096);
  c.windows.clear();
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    c.windows.push_back(has_window(layer) ? window : 0);
  }
  return c;
}

} // namespace

void register_gemma2(ModelRegistry& registry) {
  registry.add(
      "gemma2",
      {.hugging_face = {read_hf, {sandwich_hf_weights(), "model.", {}}},
       .gguf = {
           {"gemma2",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
