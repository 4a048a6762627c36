// Massive activations over images, and what editing them costs.
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/recipe_arg.h"
#include <pybind11/stl/filesystem.h>

#include "libma/eval/find_image_massive.h"
#include "libma/eval/image_ablation.h"
#include "libma/models/vision_model.h"

namespace ma::python {
namespace {

using Progress = std::optional<py::function>;
using HeadArg = std::variant<ImageHead, std::filesystem::path>;

ImageSource source_of(
    const VisionModel& model,
    const ImageSet& images,
    const RecipeArg& recipe,
    std::int64_t batch) {
  return {
      .set = images,
      .recipe = resolve_recipe(recipe, model),
      .loader = {.batch = batch}};
}

std::pair<MassiveProfile, std::vector<std::string>> find(
    const BoundVisionModel& model,
    const ImageSet& images,
    const RecipeArg& recipe,
    double magnitude,
    double ratio,
    std::int64_t batch,
    const Progress& progress) {
  const auto source = source_of(model, images, recipe, batch);
  const auto report_progress = progress_fn(progress);
  auto found = run_alone(model, [&] {
    return find_massive(
        model,
        source,
        {.magnitude = magnitude, .ratio = ratio, .progress = report_progress});
  });
  return {std::move(found.profile), std::move(found.images.problems)};
}

std::pair<Table, std::vector<std::string>> evaluate(
    const BoundVisionModel& model,
    const std::vector<Condition>& conditions,
    const ImageSet& images,
    const RecipeArg& recipe,
    const std::vector<std::string>& metrics,
    const std::string& name,
    std::int64_t k,
    const std::optional<HeadArg>& head,
    std::int64_t batch,
    const Progress& progress) {
  ImageTask task{
      .name = name, .source = source_of(model, images, recipe, batch), .k = k};
  for (const std::string& metric : metrics) {
    task.metrics.push_back(parse_image_metric(metric, "metrics"));
  }
  if (head) {
    const auto* const given = std::get_if<ImageHead>(&*head);
    task.head = given != nullptr ? *given
                                 : read_linear_head(
                                       std::get<std::filesystem::path>(*head),
                                       model.config());
  }
  const auto report_progress = progress_fn(progress);
  auto result = run_alone(model, [&] {
    return evaluate_images(model, conditions, task, report_progress);
  });
  return {image_table(conditions, {result}), std::move(result.images.problems)};
}

} // namespace

void bind_image_ablation(py::module_& m) {
  m.def(
      "find_massive_in_images",
      &find,
      py::arg("model"),
      py::arg("images"),
      py::arg("recipe") = py::none(),
      py::kw_only(),
      py::arg("magnitude") = 100.0,
      py::arg("ratio") = 1000.0,
      py::arg("batch") = 32,
      py::arg("progress") = py::none(),
      R"(Where a vision model's massive activations are, over a set of images.

Args:
    model: A VisionModel.
    images: An ImageSet.
    recipe: How images become pixels, an ImageRecipe or what it takes; None for the checkpoint's own.
    magnitude: An entry is massive when it is larger than this ...
    ratio: ... and than this many times the median magnitude of its image.
    batch: Images of a pass.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A MassiveProfile, whose sites are at "cls", "register:k" or "patch", and a line for each image that was left out.

Raises:
    FileError: When no image could be read.

Example:
    >>> profile, left_out = ma.find_massive_in_images(vision_model, ma.ImageSet("photographs"))  # doctest: +SKIP
)");
  m.def(
      "evaluate_images",
      &evaluate,
      py::arg("model"),
      py::arg("conditions"),
      py::arg("images"),
      py::arg("recipe") = py::none(),
      py::kw_only(),
      py::arg("metrics") = std::vector<std::string>{"cosine"},
      py::arg("name") = "images",
      py::arg("k") = 10,
      py::arg("head") = py::none(),
      py::arg("batch") = 32,
      py::arg("progress") = py::none(),
      R"(What editing a vision model costs: a table with a row for each condition.

All conditions share what they have in common of each pass.

Args:
    model: A VisionModel.
    conditions: Condition objects; one without edits is compared with.
    images: An ImageSet.
    recipe: How images become pixels, an ImageRecipe or what it takes; None for the checkpoint's own.
    metrics: "cosine" (of the pooled vector with the unedited one), "nearest" (images that keep their nearest neighbour),
        "knn" and "probe" (accuracy of neighbours, and of linear probes trained on the unedited model), "top" (top-1 and
        top-5 accuracy of the classifier).
    name: Of the images, in the headings.
    k: Neighbours of "knn".
    head: A classifier for "top" in place of the model's own: an ImageHead, or the file of a linear one (`linear_head`).
    batch: Images of a pass.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A Table, and a line for each image that was left out.

Raises:
    ConfigError: When a metric needs labels or a classifier that is not there, the head does not fit, or an edit wrote
        nothing.
    FileError: When the head cannot be read, or no image could.

Example:
    >>> ma.evaluate_images(vision_model, [ma.Condition("original")], ma.ImageSet("photographs"))  # doctest: +SKIP
)");
}

} // namespace ma::python
