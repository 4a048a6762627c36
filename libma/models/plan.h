// What loading a model would do, without reading its weights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libma/io/checkpoint.h"
#include "libma/models/decoder_config.h"
#include "libma/models/hooked_model.h"
#include "libma/models/placement.h"
#include "libma/models/registry.h"

namespace ma {

/// What one device would hold.
struct DevicePlan {
  torch::Device device = torch::kCPU;
  std::int64_t n_blocks = 0;
  std::int64_t bytes = 0; ///< of parameters
};

/// A checkpoint that was opened and understood: every parameter is there with a
/// fitting name, none is left over.
struct LoadPlan {
  std::shared_ptr<const Checkpoint> checkpoint;
  std::string architecture;
  torch::ScalarType dtype = torch::kFloat32;
  Placement placement;
  std::int64_t n_parameters = 0;   ///< a tied output head counts once
  std::int64_t largest_bytes = 0;  ///< of one parameter, in `dtype`
  std::vector<DevicePlan> devices; ///< in the order of the blocks

  /// Memory of the host that loading takes, bytes: what stays there and one
  /// parameter on its way; a little more where a parameter is rearranged.
  std::int64_t host_peak_bytes() const;

  /// "llama, 134,515,008 parameters in float32: 538.1 MB on cpu (30 blocks);
  /// loading takes about 651.3 MB of memory".
  std::string describe() const;
};

/// The plan of a language model.
struct ModelPlan : LoadPlan {
  const ArchitectureFormat* format = nullptr; ///< of the registry
  DecoderConfig config;
};

/// The plan of a vision model.
struct VisionPlan : LoadPlan {
  const VisionFormat* format = nullptr; ///< of the registry
  VisionConfig config;
};

/// The plan for load_model with the same arguments. Throws as that does, but
/// for weights that are unreadable or of a wrong shape.
ModelPlan plan_model(
    const std::string& name_or_path, const LoadOptions& options = {});

/// The plan for load_vision_model, likewise.
VisionPlan plan_vision_model(
    const std::string& name_or_path, const LoadOptions& options = {});

} // namespace ma
