// Classifiers of images beside a model's own: linear heads, prompts.
#include <filesystem>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include <pybind11/stl/filesystem.h>

#include "libma/eval/image_head.h"
#include "libma/models/vision_model.h"

namespace ma::python {
namespace {

ImageHead linear_head(
    const std::filesystem::path& path, const BoundVisionModel& model) {
  const VisionModel& loaded = model;
  return read_linear_head(path, loaded.config());
}

ImageHead prompt_head(
    const BoundModel& text_model,
    const BoundVisionModel& model,
    const std::vector<std::string>& classes,
    const std::vector<std::string>& templates) {
  const VisionModel& loaded = model;
  return run_alone(text_model, [&] {
    return make_prompt_head(text_model, classes, templates, loaded.config());
  });
}

torch::Tensor embed(
    const BoundModel& text_model, const std::vector<std::string>& texts) {
  return run_alone(text_model, [&] { return embed_texts(text_model, texts); });
}

} // namespace

void bind_image_heads(py::module_& m) {
  py::class_<ImageHead>(
      m,
      "ImageHead",
      "A classifier on top of what a vision model says of images; see "
      "`linear_head` and `prompt_head`.")
      .def_readonly("n_classes", &ImageHead::n_classes, "Number of classes.")
      .def(
          "__call__",
          [](const ImageHead& self, const VisionOutput& output) {
            return self.logits(output);
          },
          py::arg("output"),
          "Logits [batch, class], float32 on the CPU, of a `VisionOutput`.")
      .def("__repr__", [](const ImageHead& self) {
        return c10::str("ImageHead(n_classes=", self.n_classes, ")");
      });
  m.def(
      "linear_head",
      &linear_head,
      py::arg("path"),
      py::arg("model"),
      R"(A linear classifier from a file, onto the class token, or class token and mean of the patches (DINOv2's heads).

Args:
    path: A safetensors file with `weight` [class, d] and `bias` [class]; d is d_model or twice that.
    model: The VisionModel that it is for.

Returns:
    An ImageHead, for `evaluate_images(head=...)` or to be called on a `VisionOutput`.

Raises:
    FileError: When weight or bias is not in the file.
    ConfigError: When their width fits no such input of the model.

Example:
    >>> head = ma.linear_head("head.safetensors", vision_model)  # doctest: +SKIP
)");
  m.def(
      "prompt_head",
      &prompt_head,
      py::arg("text_model"),
      py::arg("model"),
      py::arg("classes"),
      py::arg("templates") = std::vector<std::string>{"a photo of a {}."},
      R"(Zero-shot classification by CLIP: cosines of an image with the embeddings of classes' prompts.

A class's embedding is the normalised mean of the normalised embeddings of its prompts (Radford et al. 2021, section 3.1).
CLIP's temperature, which changes no ranking, is left out.

Args:
    text_model: `load_model` of the CLIP folder: its text tower.
    model: `load_vision_model` of the same folder.
    classes: Names of the classes; underscores become spaces.
    templates: Prompts with "{}" where the name goes.

Returns:
    An ImageHead, for `evaluate_images(head=...)` or to be called on a `VisionOutput`.

Raises:
    ConfigError: When a template has no "{}", or the towers are not of one model.

Example:
    >>> head = ma.prompt_head(text_model, vision_model, ["tench", "goldfish"])  # doctest: +SKIP
)");
  m.def(
      "embed_texts",
      &embed,
      py::arg("text_model"),
      py::arg("texts"),
      R"(Embeddings of texts by the text tower of CLIP, not normalised.

Args:
    text_model: `load_model` of a CLIP folder.
    texts: Strings; of one that is too long the beginning counts.

Returns:
    float32 [text, d_text] on the CPU.

Raises:
    ConfigError: When the model gives no embeddings of texts.

Example:
    >>> ma.embed_texts(text_model, ["a photo of a tench."])  # doctest: +SKIP
)");
}

} // namespace ma::python
