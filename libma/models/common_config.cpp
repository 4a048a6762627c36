// The configuration keys that most architectures share.
#include "libma/models/config_reader.h"

namespace ma {
namespace {

using nlohmann::json;

/// Reads the keys of one architecture of GGUF.
class GgufReader {
 public:
  GgufReader(const json& metadata, const std::string& name)
      : metadata_(metadata), prefix_(name + ".") {}

  template <class T>
  T get(const std::string& key) const {
    return config_value<T>(metadata_, prefix_ + key);
  }
  template <class T>
  T get_or(const std::string& key, const T& fallback) const {
    return config_value_or(metadata_, prefix_ + key, fallback);
  }
  bool has(const std::string& key) const {
    return metadata_.contains(prefix_ + key);
  }
  std::string name(const std::string& key) const { return prefix_ + key; }

 private:
  const json& metadata_;
  std::string prefix_;
};

nn::NormOptions read_gguf_norm(const GgufReader& from) {
  const bool is_rms = from.has("attention.layer_norm_rms_epsilon");
  return {
      .kind = is_rms ? nn::NormKind::kRms : nn::NormKind::kLayer,
      .eps = from.get<double>(
          is_rms ? "attention.layer_norm_rms_epsilon"
                 : "attention.layer_norm_epsilon")};
}

/// Long and short factors and divisors are tensors of the file: plan_model adds
/// them.
nn::RopeConfig read_gguf_rope(const GgufReader& from, const DecoderConfig& c) {
  nn::RopeConfig rope;
  rope.theta = from.get_or("rope.freq_base", 10000.0);
  rope.d_rotary = from.get_or("rope.dimension_count", c.d_head);
  rope.max_positions = c.max_positions;
  rope.original_max_positions =
      from.get_or("rope.scaling.original_context_length", rope.max_positions);
  const double extension = static_cast<double>(rope.max_positions) /
                           static_cast<double>(rope.original_max_positions);
  rope.factor = from.get_or(
      "rope.scaling.factor", from.get_or("rope.scale_linear", extension));
  rope.attention_factor = from.get_or(
      "rope.scaling.attn_factor",
      from.get_or("rope.scaling.yarn_attn_factor", 0.0));
  rope.beta_fast = from.get_or("rope.scaling.yarn_beta_fast", rope.beta_fast);
  rope.beta_slow = from.get_or("rope.scaling.yarn_beta_slow", rope.beta_slow);
  const bool is_linear =
      from.has("rope.scaling.factor") || from.has("rope.scale_linear");
  const auto rule = from.get_or<std::string>(
      "rope.scaling.type", is_linear ? "linear" : "none");
  if (rule == "linear") {
    rope.scaling = nn::RopeScaling::kLinear;
  } else if (rule == "yarn") {
    rope.scaling = nn::RopeScaling::kYarn;
  } else if (rule == "longrope") {
    rope.scaling = nn::RopeScaling::kLongRope;
  } else if (rule != "none") {
    throw UnknownNameError(
        from.name("rope.scaling.type"),
        "rule",
        rule,
        {"none", "linear", "yarn", "longrope"});
  }
  return rope;
}

} // namespace

DecoderConfig read_hf_common(
    const json& config,
    const std::string& architecture,
    const RopeDefaults& rope) {
  DecoderConfig c;
  c.architecture = architecture;
  c.n_layers = config_value<std::int64_t>(config, "num_hidden_layers");
  c.d_model = config_value<std::int64_t>(config, "hidden_size");
  c.n_heads = config_value<std::int64_t>(config, "num_attention_heads");
  c.n_kv_heads = config_value_or(config, "num_key_value_heads", c.n_heads);
  c.d_head = config_value_or(
      config, "head_dim", c.n_heads > 0 ? c.d_model / c.n_heads : 0);
  c.d_mlp = config_value_or(config, "intermediate_size", 4 * c.d_model);
  c.vocab = config_value<std::int64_t>(config, "vocab_size");
  c.max_positions =
      config_value_or<std::int64_t>(config, "max_position_embeddings", 2048);
  c.norm = {
      .kind = nn::NormKind::kRms,
      .eps = config_value_or(config, "rms_norm_eps", 1e-6)};
  c.has_qkv_bias = config_value_or(config, "attention_bias", false);
  c.has_attn_out_bias = c.has_qkv_bias;
  c.has_mlp_bias = config_value_or(config, "mlp_bias", false);
  c.has_tied_unembedding =
      config_value_or(config, "tie_word_embeddings", false);
  c.activation = config_value_or<std::string>(config, "hidden_act", "silu");
  c.rope = read_hf_rope(config, c.d_head, rope);
  return c;
}

DecoderConfig read_gguf_common(
    const json& metadata,
    const std::string& gguf_name,
    const std::string& architecture) {
  const GgufReader from(metadata, gguf_name);
  DecoderConfig c;
  c.architecture = architecture;
  c.n_layers = from.get<std::int64_t>("block_count");
  check_layers(c.n_layers);
  c.d_model = from.get<std::int64_t>("embedding_length");
  c.n_heads = from.get<std::int64_t>("attention.head_count");
  c.n_kv_heads = from.get_or("attention.head_count_kv", c.n_heads);
  c.d_head = from.get_or(
      "attention.key_length", c.n_heads > 0 ? c.d_model / c.n_heads : 0);
  c.d_mlp = from.get_or("feed_forward_length", 4 * c.d_model);
  c.max_positions = from.get<std::int64_t>("context_length");
  c.norm = read_gguf_norm(from);
  c.has_norm_bias = c.norm.kind == nn::NormKind::kLayer;
  c.rope = read_gguf_rope(from, c);
  c.n_experts = from.get_or<std::int64_t>("expert_count", 0);
  c.n_experts_used = from.get_or<std::int64_t>("expert_used_count", 0);
  c.attention_softcap = from.get_or("attn_logit_softcapping", 0.0);
  c.logit_softcap = from.get_or("final_logit_softcapping", 0.0);
  c.qkv_clip = from.get_or("attention.clamp_kqv", 0.0);
  c.attention_scale = from.get_or("attention.scale", 0.0);
  const auto window = from.get_or<std::int64_t>("attention.sliding_window", 0);
  if (window > 0) {
    c.windows.assign(static_cast<std::size_t>(c.n_layers), window);
  }
  return c;
}

} // namespace ma
