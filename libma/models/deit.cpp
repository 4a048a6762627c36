// DeiT, with a distillation token beside the class token (Touvron et al. 2021).
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_hf(const nlohmann::json& config) {
  VisionConfig c = read_vision_common(config, "deit", /*default_eps=*/1e-12);
  c.has_distillation = true;
  c.pooler_activation =
      config_value_or<std::string>(config, "pooler_act", "tanh");
  return c;
}

void read_tensors(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c) {
  read_heads(tensors, c);
  if (tensors.contains("distillation_classifier.weight")) {
    c.pool = PoolKind::kClsDistillation;
  }
}

WeightMap weights() {
  return or_else(
      with(
          with(common_vision_weights("deit."), classic_block_weights("deit.")),
          {{"distillation", {"deit.embeddings.distillation_token", as_rows}},
           {"distillation_classifier.weight", "distillation_classifier.weight"},
           {"distillation_classifier.bias", "distillation_classifier.bias"}}),
      {{"classifier.weight", "cls_classifier.weight"},
       {"classifier.bias", "cls_classifier.bias"}});
}

} // namespace

void register_deit(ModelRegistry& registry) {
  registry.add(
      "deit",
      {.vision = {
           read_hf,
           {weights(),
            "deit.",
            {"deit.embeddings.mask_token", "deit.pooler.*", "decoder.*"}},
           read_tensors}});
}

} // namespace ma
