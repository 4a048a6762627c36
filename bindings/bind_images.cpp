// Image files, resizing, recipes, sets of images and their loader.
#include "bindings/bindings.h"
#include <pybind11/stl/filesystem.h>

#include "libma/io/image/image.h"
#include "libma/io/image/image_loader.h"
#include "libma/io/image/image_set.h"
#include "libma/io/image/recipe.h"
#include "libma/io/image/resize.h"

namespace ma::python {
namespace {

using Released = py::call_guard<py::gil_scoped_release>;
using Sides = std::pair<std::int64_t, std::int64_t>;

Sides sides(ImageSize size) {
  return {size.height, size.width};
}

std::optional<Sides> sides(const std::optional<ImageSize>& size) {
  return size ? std::optional(sides(*size)) : std::nullopt;
}

std::string resize_name(ResizeKind kind) {
  switch (kind) {
    case ResizeKind::kShortestEdge:
      return "shortest_edge";
    case ResizeKind::kExact:
      return "exact";
    default:
      return "none";
  }
}

void bind_functions(py::module_& m) {
  m.def(
      "read_image",
      &read_image,
      py::arg("path"),
      Released(),
      R"(The image of a JPEG or PNG file, uint8 [height, width, 3]: the bytes of Pillow's `Image.open(path).convert("RGB")`.

Raises:
    FileError: When the file is of another type, broken or truncated, or its image is larger than Pillow allows.
)");
  m.def(
      "_resize_image",
      [](const torch::Tensor& image,
         std::int64_t height,
         std::int64_t width,
         const std::string& resample) {
        return resize_image(
            image,
            {.height = height, .width = width},
            resample_named(resample, "resize_image"));
      },
      py::arg("image"),
      py::arg("height"),
      py::arg("width"),
      py::arg("resample"),
      Released());
  m.def(
      "_preprocess",
      &preprocess,
      py::arg("image"),
      py::arg("recipe"),
      Released());
  m.def(
      "_preprocess_pixels",
      &preprocess_pixels,
      py::arg("image"),
      py::arg("recipe"),
      Released());
  m.def(
      "image_recipe_names",
      &image_recipe_names,
      "Names that `ImageRecipe` takes, in alphabetical order.");
}

void bind_recipe(py::module_& m) {
  py::class_<ImageRecipe>(
      m,
      "ImageRecipe",
      R"(How an image becomes a model's input: resize, crop, rescale, normalise.

Example:
    >>> ma.ImageRecipe("timm-vit").crop
    (224, 224)
)")
      .def(
          py::init([](const std::filesystem::path& name_or_folder) {
            return image_recipe(name_or_folder.string());
          }),
          py::arg("name_or_folder"),
          R"(The recipe of that name, or of a checkpoint's folder.

Args:
    name_or_folder: One of `image_recipe_names()`; or a folder with `preprocessor_config.json` of a Hugging Face image
        processor (ViT, DeiT, CLIP, BiT, SigLIP), or with a timm `config.json`.

Raises:
    UnknownNameError: When it is neither a name nor a folder.
    FileError: When the folder has no such file.
    ConfigError: When the file asks for what is not supported; the message names the key.
)")
      .def_readonly(
          "name", &ImageRecipe::name, "Its name, or the file it comes from.")
      .def_property_readonly(
          "resize",
          [](const ImageRecipe& self) { return resize_name(self.resize); },
          "'shortest_edge', 'exact' or 'none'.")
      .def_property_readonly(
          "size",
          [](const ImageRecipe& self) { return sides(self.size); },
          "(height, width) to resize to; the same number twice for "
          "'shortest_edge'.")
      .def_property_readonly(
          "resample",
          [](const ImageRecipe& self) { return to_string(self.resample); },
          "Name of the filter.")
      .def_property_readonly(
          "crop",
          [](const ImageRecipe& self) { return sides(self.crop); },
          "(height, width) cut from the centre, or None.")
      .def_readonly(
          "rescale_factor",
          &ImageRecipe::rescale_factor,
          "What 8-bit values are multiplied by.")
      .def_readonly("mean", &ImageRecipe::mean, "Subtracted, red first.")
      .def_readonly("std", &ImageRecipe::std, "Divided by, red first.")
      .def("__repr__", [](const ImageRecipe& self) {
        return "ImageRecipe('" + self.name + "')";
      });
}

void bind_set(py::module_& m) {
  py::class_<ImageSet>(
      m,
      "ImageSet",
      R"(Images with labels, decoded when they are read.

Example:
    >>> images = ma.ImageSet("val", class_names="imagenet_synsets.txt", per_class=1)  # doctest: +SKIP
    >>> images.read(0).shape  # doctest: +SKIP
    torch.Size([375, 500, 3])
)")
      .def(
          py::init([](const std::filesystem::path& path,
                      const std::optional<std::filesystem::path>& class_names,
                      std::int64_t per_class,
                      std::int64_t limit) {
            return ImageSet::open(
                path,
                {.class_names = class_names.value_or(std::filesystem::path()),
                 .per_class = per_class,
                 .limit = limit});
          }),
          py::arg("path"),
          py::kw_only(),
          py::arg("class_names") = py::none(),
          py::arg("per_class") = 0,
          py::arg("limit") = 0,
          Released(),
          R"(Lists the images of `path`.

Args:
    path: A folder of images or of class folders, an uncompressed tar of one, or a `.bin` file of CIFAR-10 or CIFAR-100.
    class_names: A file whose line n names class n, such as ImageNet's synsets. The class of an image is its folder, or
        else what stands before the first underscore of its name. None: class folders, sorted.
    per_class: Only the first of each class; 0: all.
    limit: Only the first; 0: all.

Raises:
    FileError: When there is no image, or the set is damaged.
    ConfigError: When an option does not fit the set.
)")
      .def("__len__", &ImageSet::size)
      .def_property_readonly(
          "names",
          [](const ImageSet& self) {
            std::vector<std::string> names;
            for (const ImageItem& item : self.items()) {
              names.push_back(item.name);
            }
            return names;
          },
          "Path of each image inside the set.")
      .def_property_readonly(
          "labels",
          [](const ImageSet& self) {
            std::vector<std::int64_t> labels;
            for (const ImageItem& item : self.items()) {
              labels.push_back(item.label);
            }
            return torch::tensor(labels, torch::kInt64);
          },
          "Index of each image's class, int64 [image]; -1 without classes.")
      .def_property_readonly(
          "classes", &ImageSet::classes, "Name of each class, by label.")
      .def(
          "read",
          &ImageSet::read,
          py::arg("index"),
          Released(),
          "Image `index`, uint8 [height, width, 3].")
      .def("__repr__", [](const ImageSet& self) {
        return c10::str(
            "ImageSet('",
            self.path().string(),
            "', ",
            self.size(),
            " images, ",
            self.classes().size(),
            " classes)");
      });
}

void bind_loader(py::module_& m) {
  py::class_<ImageBatch>(
      m, "ImageBatch", "Images that go through the model together.")
      .def_readonly("pixels", &ImageBatch::pixels, "float32 [batch, 3, h, w].")
      .def_readonly(
          "labels", &ImageBatch::labels, "int64 [batch], -1 without classes.")
      .def_readonly(
          "indices", &ImageBatch::indices, "int64 [batch], into the set.");
  py::class_<ImageLoader>(
      m,
      "ImageLoader",
      R"(Iterates over batches of a set, decoded and preprocessed ahead in threads.

The order is the set's. Images that cannot be read are left out and listed in `problems`.

Example:
    >>> loader = ma.ImageLoader(ma.ImageSet("val"), ma.ImageRecipe("timm-vit"))  # doctest: +SKIP
    >>> sum(len(batch.labels) for batch in loader)  # doctest: +SKIP
    50000
)")
      .def(
          py::init([](const ImageSet& set,
                      const ImageRecipe& recipe,
                      std::int64_t batch,
                      std::int64_t workers) {
            return std::make_unique<ImageLoader>(
                set,
                recipe,
                ImageLoaderOptions{.batch = batch, .workers = workers});
          }),
          py::arg("images"),
          py::arg("recipe"),
          py::kw_only(),
          py::arg("batch") = 50,
          py::arg("workers") = 0,
          py::keep_alive<1, 2>(),
          R"(Starts the threads.

Args:
    images: The set.
    recipe: Preprocessing; it must make images of one size.
    batch: Images in a batch; the last one may have fewer.
    workers: Threads; 0: one for each core, at most 8.

Raises:
    ConfigError: When an option is out of range or the recipe makes images of different sizes.
)")
      .def("__iter__", [](py::object self) { return self; })
      .def(
          "__next__",
          [](ImageLoader& self) {
            std::optional<ImageBatch> batch;
            {
              const py::gil_scoped_release released;
              batch = self.next();
            }
            if (!batch) {
              throw py::stop_iteration();
            }
            return std::move(*batch);
          })
      .def_property_readonly(
          "n_read", &ImageLoader::n_read, "Images given out so far.")
      .def_property_readonly(
          "problems",
          &ImageLoader::problems,
          "One line for each image left out so far.");
}

} // namespace

void bind_images(py::module_& m) {
  bind_recipe(m);
  bind_functions(m);
  bind_set(m);
  bind_loader(m);
}

} // namespace ma::python
