// Register neurons, and the edits that make test-time registers of added
// tokens.
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/pixel_batches_arg.h"
#include "bindings/progress_arg.h"
#include "bindings/topics.h"

#include "libma/eval/find_register_neurons.h"

namespace ma::python {
namespace {

constexpr std::int64_t kBatch = 50; // images

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;
using NeuronsArg =
    std::variant<RegisterNeurons, std::vector<RegisterNeuron>, Pairs>;

std::vector<RegisterNeuron> neurons_of(const NeuronsArg& neurons) {
  if (const auto* const found = std::get_if<RegisterNeurons>(&neurons)) {
    return found->neurons;
  }
  if (const auto* const some =
          std::get_if<std::vector<RegisterNeuron>>(&neurons)) {
    return *some;
  }
  std::vector<RegisterNeuron> named;
  for (const auto& [layer, neuron] : std::get<Pairs>(neurons)) {
    named.push_back({.layer = layer, .neuron = neuron});
  }
  return named;
}

void bind_results(py::module_& m) {
  py::class_<RegisterNeuron>(m, "RegisterNeuron", "One neuron of an MLP.")
      .def_readonly("layer", &RegisterNeuron::layer, "The block, 0-based.")
      .def_readonly("neuron", &RegisterNeuron::neuron, "0-based.")
      .def_readonly(
          "at_outliers",
          &RegisterNeuron::at_outliers,
          "Mean magnitude at patches of high norm.")
      .def_readonly(
          "elsewhere",
          &RegisterNeuron::elsewhere,
          "Mean magnitude at the other patches of the same images.")
      .def_property_readonly(
          "ratio", &RegisterNeuron::ratio, "The one by the other.")
      .def("__repr__", [](const RegisterNeuron& self) {
        return c10::str(
            "RegisterNeuron(block ",
            self.layer,
            ", neuron ",
            self.neuron,
            ", ",
            self.at_outliers,
            ")");
      });
  py::class_<RegisterNeurons>(
      m,
      "RegisterNeurons",
      R"(Neurons that are active where patches have a high norm; `find_register_neurons` finds them.

Example:
    >>> found = ma.find_register_neurons(vision_model, torch.rand(4, 3, 16, 16), ratio=100)
    >>> found.n_images, found.n_outliers, found.neurons
    (4, 0, [])
)")
      .def_readonly(
          "neurons",
          &RegisterNeurons::neurons,
          "RegisterNeuron, largest mean first; none when no patch was an "
          "outlier.")
      .def_readonly("n_images", &RegisterNeurons::n_images, "Images.")
      .def_property_readonly(
          "n_outlier_images",
          [](const RegisterNeurons& self) { return self.means.n_images; },
          "Images with at least one outlier.")
      .def_readonly("n_patches", &RegisterNeurons::n_patches, "Patches.")
      .def_readonly(
          "n_outliers",
          &RegisterNeurons::n_outliers,
          "Patches that were outliers.")
      .def_readonly(
          "max_norm", &RegisterNeurons::max_norm, "Largest norm of a patch.")
      .def_readonly(
          "max_ratio",
          &RegisterNeurons::max_ratio,
          "Largest norm / median norm of its image's patches.")
      .def_property_readonly(
          "detect_layer",
          [](const RegisterNeurons& self) { return self.options.detect_layer; },
          "The block after which norms were taken, 0-based.")
      .def_property_readonly(
          "highest_layer",
          [](const RegisterNeurons& self) {
            return self.options.highest_layer;
          },
          "The last block that was searched, 0-based.")
      .def_property_readonly(
          "at_outliers",
          [](const RegisterNeurons& self) { return self.means.at_outliers; },
          "float64 [layer, neuron]: mean magnitudes at outliers, of every "
          "block that was searched.")
      .def_property_readonly(
          "elsewhere",
          [](const RegisterNeurons& self) { return self.means.elsewhere; },
          "float64 [layer, neuron]: at the other patches of the same images.")
      .def("table", &register_neurons_table, "One row a neuron.")
      .def("__repr__", [](const RegisterNeurons& self) {
        return self.describe_outliers() + "\n" +
               register_neurons_table(self).to_text();
      });
}

void bind_find(py::module_& m) {
  const RegisterNeuronOptions defaults;
  m.def(
      "find_register_neurons",
      [](const BoundVisionModel& model,
         const PixelBatches& images,
         std::optional<double> threshold,
         double ratio,
         std::int64_t detect_layer,
         std::optional<std::int64_t> highest_layer,
         std::int64_t top_k,
         const RecipeArg& recipe,
         std::int64_t batch,
         const std::optional<py::function>& progress) {
        const PixelBatchesArg source{images, recipe, batch};
        RegisterNeuronFinder finder(
            model,
            {.outliers = {.threshold = threshold, .ratio = ratio},
             .detect_layer = detect_layer,
             .highest_layer = highest_layer,
             .top_k = top_k});
        ProgressCounter counter(
            progress_fn(progress),
            {.stage = "find register neurons",
             .total = source.count(),
             .unit = "images"});
        source.for_each(model, [&](const torch::Tensor& pixels) {
          const auto before = finder.n_images();
          run_alone(model, [&] { finder.observe(pixels); });
          counter.add(finder.n_images() - before);
        });
        return finder.finish();
      },
      py::arg("model"),
      py::arg("images"),
      py::kw_only(),
      py::arg("threshold") = py::none(),
      py::arg("ratio") = defaults.outliers.ratio,
      py::arg("detect_layer") = defaults.detect_layer,
      py::arg("highest_layer") = py::none(),
      py::arg("top_k") = defaults.top_k,
      py::arg("recipe") = py::none(),
      py::arg("batch") = kBatch,
      py::arg("progress") = py::none(),
      R"(The MLP neurons with the largest mean magnitudes at patches of high norm (Jiang et al. 2025, algorithm 1).

Magnitudes are those of `mlp.post`; each image's mean at its outliers first, then the mean over images with outliers.

Args:
    model: A VisionModel; its hooks stay active.
    images: As for `measure_tokens`. Memory does not grow with their number.
    threshold: A patch is an outlier when its norm is above.
    ratio: Without a threshold: when it is above so many times the median norm of its image's patches.
    detect_layer: The block after which norms are taken, 0-based; negative numbers count from the last one, -1.
    highest_layer: The last block to search, likewise; None: `detect_layer`.
    top_k: Neurons to return.
    recipe: As for `measure_tokens`.
    batch: As for `measure_tokens`.
    progress: Called as `progress(stage, done, total)`.

Returns:
    RegisterNeurons; without `neurons` when no patch is an outlier.

Raises:
    ConfigError: When an option is out of its range.

Example:
    >>> found = ma.find_register_neurons(vision_model, torch.rand(4, 3, 16, 16), ratio=1, detect_layer=-1, top_k=3)
    >>> len(found.neurons), found.at_outliers.shape  # [layer, neuron]
    (3, torch.Size([2, 64]))
)");
}

} // namespace

void bind_register_neurons(py::module_& m) {
  bind_results(m);
  bind_find(m);
  const TestTimeRegisterOptions defaults;
  m.def(
      "test_time_registers",
      [](const BoundVisionModel& model,
         const NeuronsArg& neurons,
         const std::string& others,
         const std::vector<std::string>& keep) {
        return test_time_registers(
            model.config(),
            neurons_of(neurons),
            {.others = others, .keep = keep});
      },
      py::arg("model"),
      py::arg("neurons"),
      py::kw_only(),
      py::arg("others") = defaults.others,
      py::arg("keep") = defaults.keep,
      R"(The interventions that move the activations of register neurons to added tokens (Jiang et al. 2025).

Each neuron gets, at every added token, its activation of largest magnitude over all tokens of the image.

Args:
    model: A VisionModel loaded with `n_test_registers`.
    neurons: RegisterNeurons, some of its `.neurons`, or pairs (block, neuron).
    others: What all other tokens get: "zero"; "mean", of the three quarters of smallest magnitude; "only_outliers", their
        mean where the magnitude is more than a standard deviation above its mean; "same".
    keep: Roles of tokens that stay as they are: ["cls"].

Returns:
    A list of Interventions, one for each block.

Raises:
    ConfigError: When the model has no added tokens, or there are no neurons or not such ones.
    UnknownNameError: When there is no such role or choice.

Example:
    >>> model = ma.load_vision_model(vision_folder, n_test_registers=1)
    >>> ma.test_time_registers(model, [(0, 5), (0, 3)])
    [Intervention(shift_neurons to [1], others zero at blocks.0.mlp.post: all positions x dims [3, 5])]
)");
}

} // namespace ma::python
