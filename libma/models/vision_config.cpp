// What must hold between the sizes of a vision transformer.
#include "libma/models/vision_config.h"

#include "libma/core/error.h"

namespace ma {

std::int64_t VisionConfig::d_pooled() const {
  if (d_pooler > 0) {
    return d_pooler;
  }
  const bool is_pair =
      pool == PoolKind::kClsMean || pool == PoolKind::kClsDistillation;
  return is_pair ? 2 * d_model : d_model;
}

void VisionConfig::check(const std::string& where) const {
  check_blocks(where);
  check_size("number of channels", n_channels, where);
  check_size("patch height", patch_height, where);
  check_size("patch width", patch_width, where);
  check_size("image height", image_height, where);
  check_size("image width", image_width, where);
  if (grid().count() == 0) {
    throw ConfigError(
        where,
        c10::str(
            "an image of ",
            image_height,
            " x ",
            image_width,
            " pixels has no patch of ",
            patch_height,
            " x ",
            patch_width));
  }
  const bool needs_cls = pool == PoolKind::kCls || pool == PoolKind::kClsMean;
  if (n_registers < 0 || n_classes < 0 || d_projected < 0 || d_pooler < 0 ||
      (needs_cls && !has_cls) ||
      (pool == PoolKind::kClsDistillation && !has_distillation)) {
    throw ConfigError(where, "the sizes of the head do not fit the tokens");
  }
}

} // namespace ma
