// DINOv2 with register tokens (Darcet et al. 2024).
#include "libma/models/config_reader.h"
#include "libma/models/dinov2_common.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  VisionConfig c = read_dinov2(config, "dinov2_with_registers");
  c.n_registers =
      config_value_or<std::int64_t>(config, "num_register_tokens", 4);
  c.resize.antialias = true;
  return c;
}

} // namespace

void register_dinov2_with_registers(ModelRegistry& registry) {
  registry.add(
      "dinov2_with_registers",
      {.vision = {
           read_hf,
           dinov2_layout("dinov2_with_registers."),
           read_dinov2_tensors}});
}

} // namespace ma
