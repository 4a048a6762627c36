// VisionConfig and VisionOutput.
#include <optional>
#include <utility>

#include "bindings/bindings.h"

#include "libma/core/error.h"
#include "libma/models/token_roles.h"
#include "libma/models/vision_head.h"

namespace ma::python {
namespace {

using Grid = std::pair<std::int64_t, std::int64_t>;

std::optional<torch::Tensor> optional(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

void bind_config(py::module_& m) {
  py::class_<VisionConfig>(
      m, "VisionConfig", R"(The sizes and options of a vision transformer.

Example:
    >>> vision_model.config.patch_height, vision_model.config.n_registers
    (4, 0)
)")
      .def_readonly(
          "architecture",
          &VisionConfig::architecture,
          "Name in the list of architectures.")
      .def_readonly("n_layers", &VisionConfig::n_layers, "Number of blocks.")
      .def_readonly(
          "d_model", &VisionConfig::d_model, "Width of the residual stream.")
      .def_readonly("n_heads", &VisionConfig::n_heads, "Heads.")
      .def_readonly("d_head", &VisionConfig::d_head, "Width of a head.")
      .def_readonly("d_mlp", &VisionConfig::d_mlp, "Width of the MLP.")
      .def_readonly(
          "patch_height",
          &VisionConfig::patch_height,
          "Height of a patch, pixels.")
      .def_readonly("patch_width", &VisionConfig::patch_width, "Width, pixels.")
      .def_readonly(
          "image_height",
          &VisionConfig::image_height,
          "Height that the table of positions is for, pixels.")
      .def_readonly(
          "image_width", &VisionConfig::image_width, "The width, pixels.")
      .def_readonly(
          "n_registers",
          &VisionConfig::n_registers,
          "Register tokens, added ones included.")
      .def_readonly(
          "n_test_registers",
          &VisionConfig::n_test_registers,
          "How many of them, the last ones, were added at loading.")
      .def_property_readonly(
          "n_prefix", &VisionConfig::n_prefix, "Tokens before the patches.")
      .def_property_readonly(
          "token_kinds",
          &token_kinds,
          "Kinds of tokens in the order in which they stand: 'cls', "
          "'register:0', 'patch'.")
      .def_readonly(
          "n_classes",
          &VisionConfig::n_classes,
          "Classes of the head; 0 without one.")
      .def("__repr__", [](const VisionConfig& self) {
        return c10::str(
            "VisionConfig('",
            self.architecture,
            "', n_layers=",
            self.n_layers,
            ", d_model=",
            self.d_model,
            ", patch=",
            self.patch_height,
            "x",
            self.patch_width,
            ", n_registers=",
            self.n_registers,
            ")");
      });
}

void bind_output(py::module_& m) {
  py::class_<VisionOutput>(
      m, "VisionOutput", R"(What a vision model says of a batch of images.

Example:
    >>> out = vision_model.forward(torch.zeros(1, 3, 16, 16))
    >>> out.features.shape, out.grid  # [batch, pos, d_model]; a class token and 4 x 4 patches
    (torch.Size([1, 17, 32]), (4, 4))
)")
      .def_readonly(
          "features",
          &VisionOutput::features,
          "[batch, pos, d_model], after the final norm where that is of the "
          "tokens.")
      .def_readonly(
          "pooled",
          &VisionOutput::pooled,
          "[batch, d_pooled], the head's input.")
      .def_property_readonly(
          "projected",
          [](const VisionOutput& self) { return optional(self.projected); },
          "[batch, d_projected], the space that images share with texts; None "
          "when there is none.")
      .def_property_readonly(
          "logits",
          [](const VisionOutput& self) { return optional(self.logits); },
          "[batch, class]; None without a classifier.")
      .def_property_readonly(
          "grid",
          [](const VisionOutput& self) {
            return Grid(self.grid.rows, self.grid.columns);
          },
          "Rows and columns of patches, the last tokens of each row.")
      .def_property_readonly(
          "feature_map",
          [](const VisionOutput& self) {
            const auto count = self.grid.count();
            if (count == 0) {
              throw ShapeError(
                  "feature_map",
                  "the images were not at hand; use forward, or patch_map with "
                  "a grid");
            }
            return self.features
                .narrow(/*dim=*/1, self.features.size(1) - count, count)
                .unflatten(/*dim=*/1, {self.grid.rows, self.grid.columns});
          },
          "[batch, row, column, d_model]: the features of the patches.");
}

} // namespace

void bind_vision_types(py::module_& m) {
  bind_config(m);
  bind_output(m);
}

} // namespace ma::python
