// The accumulator of language models over images.
#include "libma/eval/find_image_massive.h"

#include "libma/analysis/massive_accumulator.h"
#include "libma/models/token_roles.h"

namespace ma {

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
