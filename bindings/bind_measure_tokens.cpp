// measure_tokens and its shorter forms; registers held at their means.
#include <optional>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/pixel_batches_arg.h"
#include "bindings/progress_arg.h"
#include <pybind11/stl/filesystem.h>

#include "libma/core/error.h"
#include "libma/eval/measure_tokens.h"
#include "libma/eval/register_means_file.h"

namespace ma::python {
namespace {

using Layers = std::vector<std::int64_t>;
using Progressing = std::optional<py::function>;

constexpr std::int64_t kBatch = 50; // images

TokenMeasurements measure(
    const BoundVisionModel& model,
    const PixelBatchesArg& images,
    const MeasureTokensOptions& options,
    const Progressing& progress) {
  TokenMeter meter(model, options);
  ProgressCounter counter(
      progress_fn(progress),
      {.stage = "measure tokens", .total = images.count(), .unit = "images"});
  images.for_each(model, [&](const torch::Tensor& pixels) {
    const auto before = meter.n_images();
    run_alone(model, [&] { meter.observe(pixels); });
    counter.add(meter.n_images() - before);
  });
  return meter.finish();
}

/// True: all blocks; false: none.
std::optional<Layers> layers_of(const std::variant<bool, Layers>& layers) {
  const bool* const is_wanted = std::get_if<bool>(&layers);
  if (is_wanted == nullptr) {
    return std::get<Layers>(layers);
  }
  return *is_wanted ? std::optional(Layers{}) : std::nullopt;
}

void bind_measure(py::module_& m) {
  const TokenNormOptions norms;
  m.def(
      "measure_tokens",
      [](const BoundVisionModel& model,
         const PixelBatches& images,
         const std::variant<bool, Layers>& cls_attention,
         bool register_means,
         double threshold,
         double ratio,
         const RecipeArg& recipe,
         std::int64_t batch,
         const Progressing& progress) {
        return measure(
            model,
            {images, recipe, batch},
            {.norms = TokenNormOptions{threshold, ratio},
             .cls_attention = layers_of(cls_attention),
             .register_means = register_means},
            progress);
      },
      py::arg("model"),
      py::arg("images"),
      py::kw_only(),
      py::arg("cls_attention") = false,
      py::arg("register_means") = false,
      py::arg("threshold") = norms.threshold,
      py::arg("ratio") = norms.ratio,
      py::arg("recipe") = py::none(),
      py::arg("batch") = kBatch,
      py::arg("progress") = py::none(),
      R"(Norms of an image's tokens after each block, and whatever else is to be seen in the same passes.

Args:
    model: A VisionModel; its hooks stay active.
    images: Normalised pixels, float [image, channel, height, width]; an iterable of batches of them, tensors or what an
        ImageLoader gives; or an ImageSet. Memory does not grow with their number.
    cls_attention: Whether to look at the class token's attention, or the blocks (0-based) where.
    register_means: Whether to average registers at the input of each block.
    threshold: A patch is of high norm above it (150: Darcet et al. 2024, for DINOv2 ViT-L).
    ratio: Or above so many times the median norm of its image's patches.
    recipe: How an ImageSet is prepared, an ImageRecipe or what it takes; None: as the model's folder says.
    batch: Images of a tensor or an ImageSet that pass together.
    progress: Called as `progress(stage, done, total)`.

Returns:
    TokenMeasurements: `.norms`, `.cls_attention`, `.register_means`.

Example:
    >>> found = ma.measure_tokens(vision_model, torch.rand(4, 3, 16, 16), cls_attention=True)
    >>> len(found.norms.table().rows), found.cls_attention.layers  # 2 blocks, 2 kinds of token
    (4, [0, 1])
)");
}

void bind_parts(py::module_& m) {
  m.def(
      "cls_attention",
      [](const BoundVisionModel& model,
         const PixelBatches& images,
         const Layers& layers,
         const RecipeArg& recipe,
         std::int64_t batch,
         const Progressing& progress) {
        return *measure(
                    model,
                    {images, recipe, batch},
                    {.cls_attention = layers},
                    progress)
                    .cls_attention;
      },
      py::arg("model"),
      py::arg("images"),
      py::kw_only(),
      py::arg("layers") = Layers{},
      py::arg("recipe") = py::none(),
      py::arg("batch") = kBatch,
      py::arg("progress") = py::none(),
      R"(Mean attention of the class token onto itself, each register and the patches.

Args:
    model: A VisionModel with a class token.
    images: As for `measure_tokens`.
    layers: Blocks, 0-based; empty: all. The others keep fused attention.
    recipe: As for `measure_tokens`.
    batch: As for `measure_tokens`.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A ClsAttention.

Example:
    >>> ma.cls_attention(vision_model, torch.rand(4, 3, 16, 16)).shares.sum(-1).allclose(torch.ones(2, 4).double())
    True
)");
  m.def(
      "register_means",
      [](const BoundVisionModel& model,
         const PixelBatches& images,
         const RecipeArg& recipe,
         std::int64_t batch,
         const Progressing& progress) {
        return *measure(
                    model,
                    {images, recipe, batch},
                    {.register_means = true},
                    progress)
                    .register_means;
      },
      py::arg("model"),
      py::arg("images"),
      py::kw_only(),
      py::arg("recipe") = py::none(),
      py::arg("batch") = kBatch,
      py::arg("progress") = py::none(),
      R"(Register tokens on average over images, at the input of each block.

Args:
    model: A VisionModel with registers.
    images: As for `measure_tokens`.
    recipe: As for `measure_tokens`.
    batch: As for `measure_tokens`.
    progress: Called as `progress(stage, done, total)`.

Returns:
    RegisterMeans.

Raises:
    ConfigError: When the model has no registers.
)");
}

} // namespace

void bind_measure_tokens(py::module_& m) {
  bind_measure(m);
  bind_parts(m);
  m.def(
      "fix_registers",
      [](const BoundVisionModel& model, const RegisterMeans& means) {
        return fix_registers(model.config(), means);
      },
      py::arg("model"),
      py::arg("means"),
      R"(The Intervention that overwrites every register with its mean at the input of every block ("Fix-Reg-Mean").

Raises:
    ShapeError: When the means are not of such a model.
)");
}

} // namespace ma::python
