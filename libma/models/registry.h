// The list of architectures.
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/registry.h"
#include "libma/models/decoder.h"
#include "libma/models/weights.h"

namespace ma {

/// How an architecture is stored in one checkpoint format.
struct ArchitectureFormat {
  DecoderConfig (*read_config)(const nlohmann::json& config) = nullptr;
  WeightLayout layout;
};

/// What an architecture file registers under its `model_type`.
struct Architecture {
  ArchitectureFormat hugging_face;
  std::optional<ArchitectureFormat> gguf;
};

using ModelRegistry = Registry<Architecture>;

/// Every built-in architecture, by `model_type` of config.json or
/// `general.architecture` of GGUF.
const ModelRegistry& model_registry();

} // namespace ma
