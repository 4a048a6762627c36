// A loop over decoded images.
#include "libma/eval/image_source.h"

#include "libma/models/vision_model.h"

namespace ma {

ImageReport for_each_batch(
    const ImageSource& source,
    const std::string& stage,
    const ProgressFn& progress,
    const std::function<
        void(const TokenBatch& batch, const torch::Tensor& labels)>& work) {
  ImageLoader loader(source.set, source.recipe, source.loader);
  ProgressCounter counter(
      progress, {.stage = stage, .total = source.set.size(), .unit = "images"});
  while (const auto images = loader.next()) {
    work(image_batch(images->pixels), images->labels);
    counter.add(images->labels.size(0));
  }
  return {loader.n_read(), loader.problems()};
}

} // namespace ma
