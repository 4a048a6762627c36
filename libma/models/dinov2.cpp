// DINOv2 (Oquab et al. 2023): layer scale; SwiGLU in the giant.
#include "libma/models/dinov2_common.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  return read_dinov2(config, "dinov2");
}

} // namespace

void register_dinov2(ModelRegistry& registry) {
  registry.add(
      "dinov2",
      {.vision = {read_hf, dinov2_layout("dinov2."), read_dinov2_tensors}});
}

} // namespace ma
