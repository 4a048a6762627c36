// Gemma 3, text (Gemma Team 2025): Gemma 2 with normalised queries and keys in
// place of soft caps; blocks with a window rotate by angles of their own.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/gemma_common.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

constexpr std::int64_t kPattern = 6; // every sixth block sees all tokens
constexpr double kLocalTheta = 10000;

void finish(DecoderConfig& c, double gain_offset) {
  finish_gemma(c, gain_offset);
  c.block = nn::BlockKind::kSandwich;
  c.qk_norm = nn::QkNorm::kHead;
}

bool has_window(std::int64_t layer, std::int64_t pattern) {
  return (layer + 1) % pattern != 0;
}

/// Two sets of rotary settings, under `rope_parameters` by kind of block, or
/// older: `rope_theta` and `rope_scaling`, and `rope_local_base_freq`.
void read_ropes(const nlohmann::json& config, DecoderConfig& c) {
  nlohmann::json whole = config;
  nlohmann::json local = config;
  const auto both = config_value_or<nlohmann::json>(
      config, "rope_parameters", nlohmann::json::object());
  if (both.contains("full_attention")) {
    whole["rope_parameters"] = both["full_attention"];
  }
  local.erase("rope_scaling");
  local["rope_parameters"] = config_value_or<nlohmann::json>(
      both, "sliding_attention", nlohmann::json::object());
  local["rope_theta"] =
      config_value_or(config, "rope_local_base_freq", kLocalTheta);
  c.rope = read_hf_rope(whole, c.d_head, {.theta = 1e6});
  c.local_rope = read_hf_rope(local, c.d_head, {.theta = kLocalTheta});
}

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "gemma3_text", {.theta = 1e6});
  c.d_head = config_value_or<std::int64_t>(config, "head_dim", 256);
  c.has_tied_unembedding = config_value_or(config, "tie_word_embeddings", true);
  finish(c, /*gain_offset=*/1);
  c.activation = config_value_or<std::string>(
      config, "hidden_activation", "gelu_pytorch_tanh");
  c.attention_scale = read_query_scale(config);
  c.logit_softcap = config_value_or(config, "final_logit_softcapping", 0.0);
  require_value(config, "use_bidirectional_attention", false);
  const auto pattern =
      config_value_or<std::int64_t>(config, "sliding_window_pattern", kPattern);
  c.windows =
      read_hf_windows(config, c.n_layers, 4096, [=](std::int64_t layer) {
        return has_window(layer, pattern);
      });
  read_ropes(config, c);
  return c;
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gemma3", "gemma3_text");
  finish(c, /*gain_offset=*/0);
  if (c.attention_scale == 0) {
    c.attention_scale = guess_query_scale(c);
  }
  const auto window = config_value_or<std::int64_t>(
      metadata, "gemma3.attention.sliding_window", 0);
  c.windows.clear();
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    c.windows.push_back(has_window(layer, kPattern) ? window : 0);
  }
  c.local_rope = c.rope;
  c.local_rope->theta =
      config_value_or(metadata, "gemma3.rope.freq_base_swa", kLocalTheta);
  c.local_rope->scaling = nn::RopeScaling::kNone;
  return c;
}

} // namespace

void register_gemma3_text(ModelRegistry& registry) {
  registry.add(
      "gemma3_text",
      {.hugging_face = {read_hf, {sandwich_hf_weights(), "model.", {}}},
       .gguf = {
           {"gemma3",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
