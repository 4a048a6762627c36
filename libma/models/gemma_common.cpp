// Gemma's constants, and the names of its four norms.
#include "libma/models/gemma_common.h"

#include <cmath>

#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"

namespace ma {

void finish_gemma(DecoderConfig& c, double gain_offset) {
  c.norm.gain_offset = gain_offset;
  c.norm.rounding = nn::NormRounding::kAfterGain;
  c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  c.activation = "gelu_pytorch_tanh";
}

double read_query_scale(const nlohmann::json& config) {
  const double divisor =
      config_value_or(config, "query_pre_attn_scalar", 256.0);
  if (divisor <= 0) {
    throw ConfigError(
        "config",
        c10::str("'query_pre_attn_scalar' is ", divisor, ", not positive"));
  }
  return 1 / std::sqrt(divisor);
}

double guess_query_scale(const DecoderConfig& c) {
  return c.d_head >= 256 ? 0
                         : std::sqrt(
                               static_cast<double>(c.n_heads) /
                               static_cast<double>(c.d_model));
}

const WeightMap& sandwich_hf_weights() {
  static const WeightMap map = with(
      common_hf_weights(),
      {
          {"blocks.{}.ln1_post.weight",
           "model.layers.{}.post_attention_layernorm.weight"},
          {"blocks.{}.ln2.weight",
           "model.layers.{}.pre_feedforward_layernorm.weight"},
          {"blocks.{}.ln2_post.weight",
           "model.layers.{}.post_feedforward_layernorm.weight"},
      });
  return map;
}

} // namespace ma
