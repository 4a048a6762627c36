// Tensors and sets are cut into batches; iterables bring their own.
#include "bindings/pixel_batches_arg.h"

#include <pybind11/stl/filesystem.h>
#include <torch/csrc/autograd/python_variable.h>

#include "libma/core/error.h"
#include "libma/io/image/image_loader.h"
#include "libma/io/image/image_set.h"

namespace ma::python {
namespace {

using UsePixels = std::function<void(const torch::Tensor&)>;

bool is_tensor(const py::handle& object) {
  return THPVariable_Check(object.ptr());
}

torch::Tensor pixels_of(const py::handle& item) {
  if (is_tensor(item)) {
    return item.cast<torch::Tensor>();
  }
  const auto pixels = py::getattr(item, "pixels", py::none());
  if (!is_tensor(pixels)) {
    throw py::type_error(
        "expected batches of pixels, tensors [batch, channel, height, width], "
        "got " +
        std::string(Py_TYPE(item.ptr())->tp_name));
  }
  return pixels.cast<torch::Tensor>();
}

void cut(
    const torch::Tensor& pixels, std::int64_t batch, const UsePixels& use) {
  if (pixels.dim() != 4) {
    return use(pixels);
  }
  for (std::int64_t first = 0; first < pixels.size(0); first += batch) {
    use(pixels.slice(/*dim=*/0, first, first + batch));
  }
}

void read_set(
    const ImageSet& set,
    const ImageRecipe& recipe,
    std::int64_t batch,
    const UsePixels& use) {
  ImageLoader loader(set, recipe, {.batch = batch});
  const auto next = [&] {
    const py::gil_scoped_release released;
    return loader.next();
  };
  while (const auto images = next()) {
    use(images->pixels);
  }
  const auto& problems = loader.problems();
  if (!problems.empty()) {
    const auto text = c10::str(
        problems.size(), " images are left out; the first: ", problems.front());
    if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) != 0) {
      throw py::error_already_set();
    }
  }
}

} // namespace

std::int64_t PixelBatchesArg::count() const {
  if (py::isinstance<ImageSet>(images)) {
    return images.cast<const ImageSet&>().size();
  }
  if (!is_tensor(images)) {
    return 0;
  }
  const auto pixels = images.cast<torch::Tensor>();
  return pixels.dim() == 4 ? pixels.size(0) : 1;
}

void PixelBatchesArg::for_each(
    const HookedModel& model, const UsePixels& use) const {
  if (batch < 1) {
    throw ConfigError("batch", c10::str("is ", batch, "; give 1 or more"));
  }
  if (py::isinstance<ImageSet>(images)) {
    return read_set(
        images.cast<const ImageSet&>(),
        resolve_recipe(recipe, model),
        batch,
        use);
  }
  if (recipe) {
    throw ConfigError(
        "recipe", "is for an ImageSet; these images are pixels already");
  }
  if (is_tensor(images)) {
    return cut(images.cast<torch::Tensor>(), batch, use);
  }
  for (const py::handle& item : images) {
    use(pixels_of(item));
  }
}

} // namespace ma::python
