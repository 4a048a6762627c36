// Images from Python, a batch of pixels at a time.
#pragma once

#include <cstdint>
#include <functional>

#include "bindings/recipe_arg.h"
#include <torch/csrc/utils/pybind.h>

#include "libma/core/tensor.h"
#include "libma/models/hooked_model.h"

namespace ma::python {

/// A tensor of images, an ImageSet, or anything that gives batches of pixels.
using PixelBatches = py::typing::
    Union<torch::Tensor, py::typing::Iterable<py::object>, py::object>;

struct PixelBatchesArg {
  PixelBatches images;
  RecipeArg recipe;       ///< of an ImageSet
  std::int64_t batch = 0; ///< images of a tensor or an ImageSet that pass
                          ///< together

  /// Images, where that is known without looking at them, else 0.
  std::int64_t count() const;

  /// Calls `use` with float pixels [batch, channel, height, width] or [channel,
  /// height, width], with the GIL held: pieces of a tensor or an ImageSet; each
  /// item of an iterable, or its attribute `pixels`. Images of a set that
  /// cannot be read become a warning.
  ///
  /// Throws ConfigError when `batch` is less than 1 or a recipe is given for
  /// what is no ImageSet, py::type_error on other items.
  void for_each(
      const HookedModel& model,
      const std::function<void(const torch::Tensor&)>& use) const;
};

} // namespace ma::python
