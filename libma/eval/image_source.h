// Images for an experiment: which, and how they become pixels.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/io/image/image_loader.h"
#include "libma/io/image/image_set.h"
#include "libma/io/image/recipe.h"
#include "libma/models/hooked_model.h"

namespace ma {

/// A set of images and the recipe that makes them a model's input.
struct ImageSource {
  ImageSet set;
  ImageRecipe recipe;
  ImageLoaderOptions loader = {};
};

/// How reading a source went.
struct ImageReport {
  std::int64_t n_read = 0;
  std::vector<std::string> problems; ///< a line for each image left out
};

/// Calls `work` with the images of `source`, a batch at a time, as what goes
/// into a model, and with their labels int64 [batch], -1 where there are none.
/// Reading and decoding run ahead in threads. Throws FileError when no image
/// could be read.
ImageReport for_each_batch(
    const ImageSource& source,
    const std::string& stage,
    const ProgressFn& progress,
    const std::function<
        void(const TokenBatch& batch, const torch::Tensor& labels)>& work);

} // namespace ma
