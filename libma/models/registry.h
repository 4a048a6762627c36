// The list of architectures.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/registry.h"
#include "libma/models/decoder_config.h"
#include "libma/models/vision_config.h"
#include "libma/models/weights.h"

namespace ma {

/// How an architecture is stored in one checkpoint format.
template <class Config>
struct CheckpointLayout {
  Config (*read_config)(const nlohmann::json& config) = nullptr;
  WeightLayout layout = {};
  /// Adds what the tensors alone tell; none for most.
  void (*read_tensors)(
      const std::map<std::string, TensorInfo>& tensors,
      Config& config) = nullptr;
};

using ArchitectureFormat = CheckpointLayout<DecoderConfig>;
using VisionFormat = CheckpointLayout<VisionConfig>;

/// What an architecture file registers under its `model_type`: a language
/// model, a vision model, or both where a checkpoint pairs them.
struct Architecture {
  ArchitectureFormat hugging_face = {};
  std::map<std::string, ArchitectureFormat> gguf =
      {}; ///< by `general.architecture`; empty when there is none
  VisionFormat vision = {}; ///< of a Hugging Face folder

  bool has_language() const { return hugging_face.read_config != nullptr; }
  bool has_vision() const { return vision.read_config != nullptr; }
};

using ModelRegistry = Registry<Architecture>;

/// Every built-in architecture by `model_type` of config.json.
const ModelRegistry& model_registry();

/// The registry key of a folder's config.json: its `model_type`; timm's name an
/// `architecture` of theirs instead. Throws ConfigError when it has neither.
std::string architecture_name(const nlohmann::json& config);

/// The format called `name` in GGUF's `general.architecture`. Throws
/// UnknownNameError, located at `where`.
const ArchitectureFormat& find_gguf_format(
    const std::string& name, const std::string& where);

} // namespace ma
