// Several models side by side.
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include <pybind11/stl/filesystem.h>

#include "libma/eval/compare_models.h"
#include "libma/eval/corpus.h"

namespace ma::python {
namespace {

/// A name or file, or the texts themselves.
using Texts = std::variant<std::string, std::vector<std::string>>;

std::vector<std::string> texts_of(
    const Texts& texts, const std::filesystem::path& home) {
  const auto* name = std::get_if<std::string>(&texts);
  return name != nullptr ? load_corpus(*name, home).texts
                         : std::get<std::vector<std::string>>(texts);
}

void bind_summary(py::module_& m) {
  py::class_<ModelSummary>(m, "ModelSummary", R"(One model of a comparison.

Example:
    >>> summary = ma.measure_model(folder, ["One two three four five six."] * 9, sequences=2, length=8)
    >>> summary.architecture, summary.n_layers, summary.profile.n_sequences
    ('llama', 2, 2)
)")
      .def_readonly("label", &ModelSummary::label, "Its name in the tables.")
      .def_readonly(
          "base",
          &ModelSummary::base,
          "Label of the model that it makes a pair with, or \"\".")
      .def_readonly("architecture", &ModelSummary::architecture, "\"llama\".")
      .def_readonly("n_layers", &ModelSummary::n_layers, "Blocks.")
      .def_readonly("d_model", &ModelSummary::d_model, "Width of the stream.")
      .def_readonly(
          "n_parameters",
          &ModelSummary::n_parameters,
          "A tied output head counted once.")
      .def_readonly("dtype", &ModelSummary::dtype, "\"float32\".")
      .def_readonly("device", &ModelSummary::device, "As used: \"cuda:0\".")
      .def_readonly(
          "has_bos",
          &ModelSummary::has_bos,
          "A BOS was in front of each sequence.")
      .def_readonly(
          "profile",
          &ModelSummary::profile,
          "What was found, a MassiveProfile.")
      .def("__repr__", [](const ModelSummary& self) {
        return c10::str(
            "ModelSummary('",
            self.label,
            "', ",
            self.architecture,
            ", ",
            self.n_parameters,
            " parameters, meets_criterion=",
            self.profile.meets_criterion ? "True" : "False",
            ")");
      });
}

void bind_tables(py::module_& m) {
  m.def(
      "comparison_table",
      &comparison_table,
      py::arg("models"),
      "One row a model: size, whether anything is massive, where and how "
      "large, a Table.");
  m.def(
      "comparison_sites_table",
      &comparison_sites_table,
      py::arg("models"),
      "One row a model and site, a Table.");
  m.def(
      "comparison_layers_table",
      &comparison_layers_table,
      py::arg("models"),
      "One row a model and block, a Table.");
  m.def(
      "magnitudes_table",
      &magnitudes_table,
      py::arg("models"),
      "One row a model: the five largest magnitudes, the largest 1 % and 10 "
      "%, and the median after its peak block, a Table.");
  m.def(
      "pairs_table",
      &pairs_table,
      py::arg("models"),
      "One row a model with a base: the dims of both and of each alone, a "
      "Table.");
}

} // namespace

void bind_comparison(py::module_& m) {
  bind_summary(m);
  bind_tables(m);
  const CutOptions cut;
  const MassiveCriterion criterion;
  m.def(
      "measure_model",
      [](const std::filesystem::path& name,
         const Texts& texts,
         const std::string& label,
         const std::string& base,
         const std::string& device,
         const std::string& dtype,
         std::int64_t sequences,
         std::int64_t length,
         bool bos,
         double magnitude,
         double ratio,
         std::optional<std::filesystem::path> home,
         const std::optional<py::function>& progress) {
        if (!home) {
          home = py::module_::import("libma.cache")
                     .attr("home_folder")()
                     .cast<std::filesystem::path>();
        }
        const ModelRequest request{
            .name = name.string(),
            .label = label.empty() ? name.filename().string() : label,
            .base = base,
            .device = device,
            .dtype = parse_dtype(dtype, "measure_model"),
            .cut = {.sequences = sequences, .length = length, .add_bos = bos}};
        const CompareOptions options{
            .criterion = {magnitude, ratio},
            .home = *home,
            .progress = progress_fn(progress)};
        const py::gil_scoped_release released;
        return measure_model(request, texts_of(texts, *home), options);
      },
      py::arg("name_or_path"),
      py::arg("texts"),
      py::kw_only(),
      py::arg("label") = "",
      py::arg("base") = "",
      py::arg("device") = ModelRequest{}.device,
      py::arg("dtype") = "float32",
      py::arg("sequences") = cut.sequences,
      py::arg("length") = cut.length,
      py::arg("bos") = cut.add_bos,
      py::arg("magnitude") = criterion.magnitude,
      py::arg("ratio") = criterion.ratio,
      py::arg("home") = py::none(),
      py::arg("progress") = py::none(),
      R"(Loads a model, looks for massive activations, and frees it.

Args:
    name_or_path: As for `load_model`.
    texts: Name of a fetched text, a file, or the texts themselves.
    label: Its name in the tables; the name or the folder's name unless given.
    base: Label of the model that it makes a pair with.
    device: As for `load_model`.
    dtype: By name.
    sequences: How many, as for `cut_sequences`.
    length: Tokens of each.
    bos: Put a BOS in front of each.
    magnitude: As for `find_massive`.
    ratio: As for `find_massive`.
    home: Cache of fetched models and texts; None for $LIBMA_HOME, or else ~/.cache/libma.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A ModelSummary; `comparison_table` and others take a list of them.

Example:
    >>> texts = ["One two three four five six."] * 9
    >>> models = [ma.measure_model(folder, texts, label=l, sequences=2, length=8) for l in ("a", "b")]
    >>> len(ma.comparison_table(models).rows)
    2
)");
}

} // namespace ma::python
