// The accumulator of language models over images.
#include "libma/eval/find_image_massive.h"

#include "libma/analysis/massive_accumulator.h"

namespace ma {

std::vector<TokenClass> prefix_classes(const VisionConfig& config) {
  std::vector<TokenClass> classes;
  if (config.has_cls) {
    classes.push_back(TokenClass::kCls);
  }
  if (config.has_distillation) {
    classes.push_back(TokenClass::kDistillation);
  }
  for (std::int64_t i = 0; i < config.n_registers; ++i) {
    classes.push_back(register_class(i));
  }
  return classes;
}

ImageProfile find_massive(
    const VisionModel& model,
    const ImageSource& source,
    const FindOptions& options) {
  const auto n_layers = model.config().n_layers;
  MassiveAccumulator accumulator(n_layers, {options.magnitude, options.ratio});
  accumulator.expect_images(prefix_classes(model.config()));
  const auto handle = model.add_hook(
      "blocks.*.resid_post", [&](const torch::Tensor& x, const HookSite& at) {
        accumulator.observe(at.layer, x, *at.batch);
        return x;
      });
  auto report = for_each_batch(
      source,
      "find massive activations",
      options.progress,
      [&](const TokenBatch& batch, const torch::Tensor& /*labels*/) {
        model.run_blocks(model.embed(batch), 0, n_layers, batch);
      });
  return {accumulator.finish(), std::move(report)};
}

} // namespace ma
