// Gemma 3, text (Gemma Team 2025): Gemma 2 with normalised queries and keys in
// place of soft caps; blocks with a window rotate by angles of their own.
#include <cmath>

#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

constexpr std::int64_t kPattern = 6; // every sixth block sees all tokens
constexpr double kLocalTheta = 10000;

/// What all formats leave unsaid; GGUF's converter has added the gain's 1.
void finish(DecoderConfig& c, double gain_offset) {
  c.norm.gain_offset = gain_offset;
  c.norm.rounding = nn::NormRounding::kAfterGain;
  c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  c.activation = "gelu_pytorch_tanh";
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
  const double divisor =
      config_value_or(config, "query_pre_attn_scalar", 256.0);
  if (divisor <= 0) {
    throw ConfigError(
        "config",
        c10::str("'query_pre_attn_scalar' is ", divisor, ", not positive"));
  }
  c.attention_scale = 1 / std::sqrt(divisor);
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

const WeightMap kWeights = with(
    common_hf_weights(),
    {
        {"blocks.{}.ln1_post.weight",
         "model.layers.{}.post_attention_layernorm.weight"},
        {"blocks.{}.ln2.weight",
         "model.layers.{}.pre_feedforward_layernorm.weight"},
        {"blocks.{}.ln2_post.weight",
         "model.layers.{}.post_feedforward_layernorm.weight"},
    });

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "gemma3", "gemma3_text");
  finish(c, /*gain_offset=*/0);
  // The largest model alone has narrow heads, and scales by its width.
  if (c.attention_scale == 0 && c.d_head < 256) {
    c.attention_scale = std::sqrt(
        static_cast<double>(c.n_heads) / static_cast<double>(c.d_model));
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
      {.hugging_face = {read_hf, {kWeights, "model.", {}}},
       .gguf = {
           {"gemma3",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
