// Typed access to a checkpoint's configuration, with the key in every error.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/tensor.h"
#include "libma/models/decoder_config.h"
#include "libma/nn/rope.h"

namespace ma {

/// The value of `key`. Throws ConfigError when it is absent or of another type.
template <class T>
T config_value(const nlohmann::json& config, const std::string& key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) {
    throw ConfigError("config", c10::str("'", key, "' is missing"));
  }
  try {
    return found->get<T>();
  } catch (const nlohmann::json::exception&) {
    throw ConfigError(
        "config", c10::str("'", key, "' has the wrong type: ", found->dump()));
  }
}

/// The value of `key`, or `fallback` when it is absent or null.
template <class T>
T config_value_or(
    const nlohmann::json& config, const std::string& key, const T& fallback) {
  const auto found = config.find(key);
  return found == config.end() || found->is_null()
             ? fallback
             : config_value<T>(config, key);
}

/// What a Hugging Face config means where it says nothing.
struct RopeDefaults {
  double theta = 10000;
  double partial_rotary_factor = 1; ///< share of each head that rotates
};

/// Rotary settings of a Hugging Face config: `rope_theta` and `rope_scaling`,
/// or `rope_parameters` of newer versions.
nn::RopeConfig read_hf_rope(
    const nlohmann::json& config,
    std::int64_t d_head,
    const RopeDefaults& defaults = {});

/// Throws ConfigError unless a model may have `n_layers` blocks.
void check_layers(std::int64_t n_layers);

/// Attention windows of `n_layers` blocks: `sliding_window`, or `fallback` when
/// the config does not say, in the blocks that `layer_types` calls sliding;
/// without that list, in those where `is_local`. Empty when no block has one.
/// Throws UnknownNameError on another type of block.
std::vector<std::int64_t> read_hf_windows(
    const nlohmann::json& config,
    std::int64_t n_layers,
    std::int64_t fallback,
    const std::function<bool(std::int64_t layer)>& is_local);

/// Throws ConfigError when `key` has another value than `only`: an option that
/// no known checkpoint uses and libma does not implement.
void require_value(
    const nlohmann::json& config,
    const std::string& key,
    const nlohmann::json& only);

/// What most Hugging Face configs spell alike: sizes, biases, activation,
/// rotary settings, and an RMSNorm with `rms_norm_eps`.
DecoderConfig read_hf_common(
    const nlohmann::json& config,
    const std::string& architecture,
    const RopeDefaults& rope = {});

/// A LayerNorm with bias and the epsilon under `key`, 1e-5 by default, in place
/// of the RMSNorm.
void use_layer_norm(
    const nlohmann::json& config, const std::string& key, DecoderConfig& c);

/// The value of `key`, or of its older spelling `old_key`. Throws ConfigError
/// when neither is there.
std::int64_t config_size(
    const nlohmann::json& config,
    const std::string& key,
    const std::string& old_key);

/// What GGUF metadata spell alike for all architectures, under
/// `<gguf_name>.`: sizes, norm, rotary settings, windows, soft caps, experts.
DecoderConfig read_gguf_common(
    const nlohmann::json& metadata,
    const std::string& gguf_name,
    const std::string& architecture);

} // namespace ma
