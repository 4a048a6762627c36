// The encoder of masked autoencoders (He et al. 2022), with nothing masked.
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  return read_vision_common(config, "vit_mae", /*default_eps=*/1e-12);
}

} // namespace

void register_vit_mae(ModelRegistry& registry) {
  registry.add(
      "vit_mae",
      {.vision = {
           read_hf,
           {with(common_vision_weights("vit."), classic_block_weights("vit.")),
            "vit.",
            {"decoder.*"}}}});
}

} // namespace ma
