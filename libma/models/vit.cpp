// The first vision transformer (Dosovitskiy et al. 2021).
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  VisionConfig c = read_vision_common(config, "vit", /*default_eps=*/1e-12);
  c.pooler_activation =
      config_value_or<std::string>(config, "pooler_act", "tanh");
  return c;
}

} // namespace

void register_vit(ModelRegistry& registry) {
  registry.add(
      "vit",
      {.vision = {
           read_hf,
           {with(common_vision_weights("vit."), classic_block_weights("vit.")),
            "vit.",
            {"vit.embeddings.mask_token", "vit.pooler.*", "decoder.*"}},
           read_heads}});
}

} // namespace ma
