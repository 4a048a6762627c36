// VisionModel: loading, passes over images, names of tokens.
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/load_options_arg.h"
#include "bindings/recipe_arg.h"
#include "bindings/topics.h"
#include <pybind11/stl/filesystem.h>
#include <torch/csrc/autograd/python_variable.h>

#include "libma/core/error.h"
#include "libma/models/token_roles.h"
#include "libma/models/vision_model.h"

namespace ma::python {
namespace {

using Patterns = std::variant<std::string, std::vector<std::string>>;
using Grid = std::pair<std::int64_t, std::int64_t>;
using Images = py::typing::
    Union<torch::Tensor, py::typing::Iterable<py::object>, py::object>;

/// A batch of normalised pixels, or of images that go through the model's
/// recipe first.
TokenBatch batch_of(py::handle self, const py::object& images) {
  if (THPVariable_Check(images.ptr())) {
    const auto pixels = images.cast<torch::Tensor>();
    if (pixels.is_floating_point()) {
      return image_batch(pixels);
    }
  }
  const auto pixels = py::module_::import("libma.images")
                          .attr("pixels_of")(self, images)
                          .cast<torch::Tensor>();
  return image_batch(pixels);
}

nn::PatchGrid grid_of(const Grid& grid) {
  return {grid.first, grid.second};
}

/// The patches of `x` along `dim` as rows and columns.
torch::Tensor patch_map(
    const BoundVisionModel& self,
    const torch::Tensor& x,
    const Grid& grid,
    std::int64_t dim) {
  const auto n_prefix = self.config().n_prefix();
  const auto patches = grid.first * grid.second;
  if (x.dim() == 0 || dim < -x.dim() || dim >= x.dim() ||
      x.size(dim) != n_prefix + patches) {
    throw ShapeError(
        "patch_map",
        c10::str(
            "expected ",
            n_prefix + patches,
            " tokens along dim ",
            dim,
            " (",
            n_prefix,
            " before ",
            grid.first,
            " x ",
            grid.second,
            " patches), got ",
            x.sizes()));
  }
  return x.narrow(dim, n_prefix, patches)
      .unflatten(dim, {grid.first, grid.second});
}

void bind_passes(py::class_<BoundVisionModel>& model) {
  model
      .def(
          "forward",
          [](const py::object& self, const Images& images) {
            const auto batch = batch_of(self, images);
            const auto& model = self.cast<const BoundVisionModel&>();
            return run_alone(model, [&] { return model.forward(batch); });
          },
          py::arg("images"),
          R"(Features, pooled vector and logits of images.

Args:
    images: Normalised pixels, float [batch, channel, height, width] or [channel, height, width]; or a PIL image, a
        uint8 array [height, width, 3], or a list of them, which go through the checkpoint's own preprocessing.

Raises:
    ShapeError: When the pixels are no images of at least one patch.

Example:
    >>> vision_model.forward(torch.zeros(2, 3, 16, 16)).pooled.shape
    torch.Size([2, 32])
)")
      .def(
          "run_with_cache",
          [](const py::object& self,
             const Images& images,
             const Patterns& patterns) {
            const auto batch = batch_of(self, images);
            const auto& model = self.cast<const BoundVisionModel&>();
            const auto* one = std::get_if<std::string>(&patterns);
            const auto wanted =
                one != nullptr ? std::vector{*one}
                               : std::get<std::vector<std::string>>(patterns);
            return run_alone(
                model, [&] { return model.run_with_cache(batch, wanted); });
          },
          py::arg("images"),
          py::arg("patterns"),
          R"(The output and the activations at all points that match `patterns`.

Args:
    images: As for `forward`.
    patterns: Hook names; `*` stands for one dot-separated part.

Raises:
    UnknownNameError: When a pattern matches nothing.

Example:
    >>> out, cache = vision_model.run_with_cache(torch.zeros(1, 3, 16, 16), "blocks.*.attn.pattern")
    >>> cache["blocks.1.attn.pattern"].shape  # [batch, head, query_pos, key_pos]
    torch.Size([1, 4, 17, 17])
)")
      .def(
          "embed",
          [](const py::object& self, const Images& images) {
            const auto batch = batch_of(self, images);
            const auto& model = self.cast<const BoundVisionModel&>();
            return run_alone(model, [&] { return model.embed(batch); });
          },
          py::arg("images"),
          R"(Residual stream before block 0, [batch, pos, d_model].

Example:
    >>> vision_model.embed(torch.zeros(1, 3, 16, 24)).shape  # 4 x 6 patches
    torch.Size([1, 25, 32])
)")
      .def(
          "run_blocks",
          [](const BoundVisionModel& self,
             const torch::Tensor& x,
             std::int64_t first,
             std::int64_t last) {
            return run_alone(
                self, [&] { return self.run_blocks(x, first, last); });
          },
          py::arg("x"),
          py::arg("first"),
          py::arg("last"),
          R"(Residual stream after blocks [first, last) from `x` [batch, pos, d_model] before block `first`.

Example:
    >>> stream = vision_model.embed(torch.zeros(1, 3, 16, 16))
    >>> vision_model.run_blocks(stream, 0, 2).shape
    torch.Size([1, 17, 32])
)")
      .def(
          "read_out",
          [](const BoundVisionModel& self, const torch::Tensor& x) {
            return run_alone(self, [&] { return self.read_out(x); });
          },
          py::arg("x"),
          R"(What the stream after the last block says of the images, a VisionOutput without a grid.

Example:
    >>> stream = vision_model.run_blocks(vision_model.embed(torch.zeros(1, 3, 16, 16)), 0, 2)
    >>> vision_model.read_out(stream).features.shape
    torch.Size([1, 17, 32])
)");
}

void bind_tokens(py::class_<BoundVisionModel>& model) {
  model
      .def(
          "position",
          [](const BoundVisionModel& self,
             const std::string& role,
             const Grid& grid) {
            return token_position(
                self.config(), grid_of(grid), role, "position");
          },
          py::arg("role"),
          py::arg("grid"),
          R"(The position of a token by its role in an image of `grid` = (rows, columns) patches; all count from 0.

Example:
    >>> vision_model.position("cls", (4, 4)), vision_model.position("patch:1,2", (4, 4))
    (0, 7)
)")
      .def(
          "role",
          [](const BoundVisionModel& self,
             std::int64_t position,
             const Grid& grid) {
            return token_role(self.config(), grid_of(grid), position);
          },
          py::arg("position"),
          py::arg("grid"),
          R"(The role of the token at a position.

Example:
    >>> vision_model.role(7, (4, 4))
    'patch:1,2'
)")
      .def(
          "patch_map",
          &patch_map,
          py::arg("x"),
          py::arg("grid"),
          py::arg("dim") = 1,
          R"(The patches of an activation along `dim`, as rows and columns; a view.

Example:
    >>> out, cache = vision_model.run_with_cache(torch.zeros(1, 3, 16, 16), "blocks.1.attn.pattern")
    >>> from_cls = cache["blocks.1.attn.pattern"][:, :, 0]  # [batch, head, key_pos]
    >>> vision_model.patch_map(from_cls, out.grid, dim=-1).shape
    torch.Size([1, 4, 4, 4])
)");
}

BoundVisionModel load(
    const std::filesystem::path& name_or_path,
    const DeviceArg& device,
    const DtypeArg& dtype,
    const std::optional<std::filesystem::path>& home,
    std::int64_t n_test_registers) {
  LoadOptions options = load_options("load_vision_model", device, dtype, home);
  options.n_test_registers = n_test_registers;
  const py::gil_scoped_release released;
  return BoundVisionModel(load_vision_model(name_or_path.string(), options));
}

} // namespace

void bind_vision(py::module_& m, py::class_<BoundVisionModel>& model) {
  bind_vision_types(m);
  bind_passes(model);
  bind_tokens(model);
  model
      .def_property_readonly(
          "config",
          [](const BoundVisionModel& self) { return self.config(); },
          "Sizes and options, a VisionConfig.")
      .def_property_readonly(
          "dtype",
          [](const BoundVisionModel& self) { return self.dtype(); },
          "torch.dtype of weights.")
      .def_property_readonly(
          "device",
          [](const BoundVisionModel& self) { return self.device(); },
          "Where images go in: the first device of a model on several.")
      .def_property_readonly(
          "n_parameters",
          [](const BoundVisionModel& self) { return self.n_parameters(); },
          "Number of parameters.")
      .def_property_readonly(
          "files",
          [](const BoundVisionModel& self) { return self.files(); },
          "Files the weights and the configuration came from.")
      .def_property_readonly(
          "recipe",
          [](const BoundVisionModel& self) {
            return resolve_recipe(std::nullopt, self);
          },
          R"(How its folder says that images become pixels, an ImageRecipe.

Raises:
    FileError: When the folder does not say.
    ConfigError: When it asks for what is not supported.
)")
      .def("__repr__", [](const BoundVisionModel& self) {
        const VisionConfig& c = self.config();
        return c10::str(
            "VisionModel('",
            c.architecture,
            "', n_layers=",
            c.n_layers,
            ", d_model=",
            c.d_model,
            ", patch=",
            c.patch_height,
            "x",
            c.patch_width,
            ", image=",
            c.image_height,
            "x",
            c.image_width,
            ", dtype=",
            dtype_name(self.dtype()),
            ", device=",
            self.device(),
            ")");
      });
  m.def(
      "load_vision_model",
      &load,
      py::arg("name_or_path"),
      py::kw_only(),
      py::arg("device") = "auto",
      py::arg("dtype") = py::cast(torch::kFloat32),
      py::arg("home") = py::none(),
      py::arg("n_test_registers") = 0,
      R"(Loads a vision model that `libma fetch` has brought, or a Hugging Face folder.

Of a checkpoint that pairs images with texts, the vision part. Other arguments and errors are those of `load_model`.

Args:
    n_test_registers: Tokens of zeros to add between the other tokens and the patches, the last of the model's registers; no
        head reads them. `test_time_registers` gives them something to hold.

Example:
    >>> ma.load_vision_model(vision_folder, dtype="float64")
    VisionModel('vit', n_layers=2, d_model=32, patch=4x4, image=16x16, dtype=float64, device=cpu)
)");
}

} // namespace ma::python
