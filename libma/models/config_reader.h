// Typed access to a checkpoint's configuration, with the key in every error.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/tensor.h"
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
    const nlohmann::json& config, const std::string& key, T fallback) {
  const auto found = config.find(key);
  return found == config.end() || found->is_null()
             ? fallback
             : config_value<T>(config, key);
}

/// Rotary settings of a Hugging Face config: `rope_theta` and `rope_scaling`,
/// or `rope_parameters` of newer versions.
nn::RopeConfig read_hf_rope(
    const nlohmann::json& config, std::int64_t d_head, double default_theta);

} // namespace ma
