// Rotary settings in Hugging Face's two spellings.
#include "libma/models/config_reader.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace ma {
namespace {

using nlohmann::json;

const std::string kSliding = "sliding_attention";
const std::string kFull = "full_attention";

nn::RopeScaling read_rule(const json& rope) {
  static const std::map<std::string, nn::RopeScaling> rules = {
      {"default", nn::RopeScaling::kNone},
      {"linear", nn::RopeScaling::kLinear},
      {"dynamic", nn::RopeScaling::kDynamic},
      {"yarn", nn::RopeScaling::kYarn},
      {"longrope", nn::RopeScaling::kLongRope},
      {"su", nn::RopeScaling::kLongRope},
      {"llama3", nn::RopeScaling::kLlama3}};
  const auto type = config_value_or<std::string>(rope, "type", "default");
  const auto rule = config_value_or<std::string>(rope, "rope_type", type);
  const auto found = rules.find(rule);
  if (found == rules.end()) {
    std::vector<std::string> known;
    known.reserve(rules.size());
    for (const auto& entry : rules) {
      known.push_back(entry.first);
    }
    throw UnknownNameError("config", "rope_scaling rule", rule, known);
  }
  return found->second;
}

} // namespace

nn::RopeConfig read_hf_rope(
    const json& config, std::int64_t d_head, const RopeDefaults& defaults) {
  json rope = config_value_or<json>(config, "rope_scaling", json::object());
  if (rope.empty()) {
    rope = config_value_or<json>(config, "rope_parameters", json::object());
  }
  nn::RopeConfig read;
  read.theta = config_value_or(
      rope,
      "rope_theta",
      config_value_or(config, "rope_theta", defaults.theta));
  const double partial = config_value_or(
      rope,
      "partial_rotary_factor",
      config_value_or(
          config, "partial_rotary_factor", defaults.partial_rotary_factor));
  read.d_rotary =
      static_cast<std::int64_t>(static_cast<double>(d_head) * partial);
  read.scaling = read_rule(rope);
  read.max_positions =
      config_value_or<std::int64_t>(config, "max_position_embeddings", 2048);
  // Phi-3 and its kin keep the original context beside the rule; that one
  // counts.
  const auto inner_original = config_value_or(
      rope, "original_max_position_embeddings", read.max_positions);
  read.original_max_positions = config_value_or(
      config, "original_max_position_embeddings", inner_original);
  const double extension = static_cast<double>(read.max_positions) /
                           static_cast<double>(read.original_max_positions);
  const bool has_original = read.scaling == nn::RopeScaling::kYarn ||
                            read.scaling == nn::RopeScaling::kLongRope;
  read.factor = config_value_or(rope, "factor", has_original ? extension : 1.0);
  read.low_freq_factor =
      config_value_or(rope, "low_freq_factor", read.low_freq_factor);
  read.high_freq_factor =
      config_value_or(rope, "high_freq_factor", read.high_freq_factor);
  read.beta_fast = config_value_or(rope, "beta_fast", read.beta_fast);
  read.beta_slow = config_value_or(rope, "beta_slow", read.beta_slow);
  read.truncate = config_value_or(rope, "truncate", read.truncate);
  read.attention_factor = config_value_or(rope, "attention_factor", 0.0);
  read.mscale = config_value_or(rope, "mscale", 0.0);
  read.mscale_all_dim = config_value_or(rope, "mscale_all_dim", 0.0);
  read.short_factor =
      config_value_or<std::vector<double>>(rope, "short_factor", {});
  read.long_factor =
      config_value_or<std::vector<double>>(rope, "long_factor", {});
  return read;
}

void check_layers(std::int64_t n_layers) {
  constexpr std::int64_t kMost = 1 << 20;
  if (n_layers <= 0 || n_layers > kMost) {
    throw ConfigError(
        "config",
        c10::str(
            "the number of blocks is ", n_layers, "; expected a positive one"));
  }
}

std::vector<std::int64_t> read_hf_windows(
    const json& config,
    std::int64_t n_layers,
    std::int64_t fallback,
    const std::function<bool(std::int64_t)>& is_local) {
  // null says that there is none; only silence means the default.
  const auto window =
      config.contains("sliding_window")
          ? config_value_or<std::int64_t>(config, "sliding_window", 0)
          : fallback;
  check_layers(n_layers);
  const auto types =
      config_value_or<std::vector<std::string>>(config, "layer_types", {});
  if (!types.empty() && static_cast<std::int64_t>(types.size()) != n_layers) {
    throw ConfigError(
        "config",
        c10::str(
            "'layer_types' has ",
            types.size(),
            " entries; the model has ",
            n_layers,
            " blocks"));
  }
  for (const std::string& type : types) {
    if (type != kSliding && type != kFull) {
      throw UnknownNameError("config", "layer type", type, {kSliding, kFull});
    }
  }
  std::vector<std::int64_t> windows;
  for (std::int64_t layer = 0; layer < n_layers; ++layer) {
    const bool slides =
        types.empty() ? is_local(layer)
                      : types[static_cast<std::size_t>(layer)] == kSliding;
    windows.push_back(slides ? window : 0);
  }
  const bool has_any = std::any_of(
      windows.begin(), windows.end(), [](std::int64_t w) { return w != 0; });
  return has_any ? windows : std::vector<std::int64_t>();
}

std::int64_t config_size(
    const json& config, const std::string& key, const std::string& old_key) {
  const auto found = config.find(key);
  const bool is_there = found != config.end() && !found->is_null();
  return config_value<std::int64_t>(
      config, is_there || !config.contains(old_key) ? key : old_key);
}

void use_layer_norm(
    const json& config, const std::string& key, DecoderConfig& c) {
  c.norm = {
      .kind = nn::NormKind::kLayer, .eps = config_value_or(config, key, 1e-5)};
  c.has_norm_bias = true;
}

void require_value(
    const json& config, const std::string& key, const json& only) {
  const auto found = config.find(key);
  if (found != config.end() && !found->is_null() && *found != only) {
    throw ConfigError(
        "config",
        c10::str(
            "'",
            key,
            "' is ",
            found->dump(),
            "; only ",
            only.dump(),
            " is supported"));
  }
}

} // namespace ma
