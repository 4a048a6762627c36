// Selection and Intervention.
#include "bindings/bindings.h"
#include "bindings/python_hook.h"
#include <pybind11/stl/filesystem.h>

#include "libma/eval/register_means_file.h"
#include "libma/interventions/intervention_yaml.h"

namespace ma::python {
namespace {

using Indices = std::vector<std::int64_t>;

void bind_selection(py::module_& m) {
  py::class_<Selection>(
      m,
      "Selection",
      R"(Which entries of an activation [batch, pos, d_model] an intervention touches.

Positions count from the first real token of each row (padding excluded); -1 is the last one.

Example:
    >>> ma.Selection.at([0], [42])
    Selection(positions [0] x dims [42])
)")
      .def_static(
          "at",
          &Selection::at,
          py::arg("positions"),
          py::arg("dims"),
          R"(Given positions x dims.

Args:
    positions: Empty means all positions.
    dims: Empty means all dims.
)")
      .def_static(
          "criterion",
          [](double magnitude, double ratio) {
            return Selection{
                .kind = SelectionKind::kCriterion,
                .magnitude = magnitude,
                .ratio = ratio};
          },
          py::kw_only(),
          py::arg("magnitude") = 100,
          py::arg("ratio") = 1000,
          "|x| > magnitude and |x| > ratio * median(|x|), per row.")
      .def_static(
          "top_k",
          [](std::int64_t count) {
            return Selection{.kind = SelectionKind::kTopK, .count = count};
          },
          py::arg("count"),
          "The `count` largest |x| of each row.")
      .def_static(
          "median_magnitude",
          [](std::int64_t count) {
            return Selection{
                .kind = SelectionKind::kMedianMagnitude, .count = count};
          },
          py::arg("count"),
          "The `count` entries of each row whose |x| is closest to the median.")
      .def_static(
          "random",
          [](std::int64_t count, std::uint64_t seed) {
            return Selection{
                .kind = SelectionKind::kRandom, .count = count, .seed = seed};
          },
          py::arg("count"),
          py::kw_only(),
          py::arg("seed"),
          "`count` entries of each row, drawn with `seed`.")
      .def_readonly(
          "positions",
          &Selection::positions,
          "Given positions; empty means all.")
      .def_readonly("dims", &Selection::dims, "Given dims; empty means all.")
      .def("__repr__", [](const Selection& self) {
        return "Selection(" + describe(self) + ")";
      });
}

void bind_intervention(py::module_& m) {
  py::class_<InterventionStats>(
      m, "InterventionStats", "What an intervention did, summed over calls.")
      .def_readonly("calls", &InterventionStats::calls, "Times the hook fired.")
      .def_readonly("edited", &InterventionStats::edited, "Entries written.")
      .def("__repr__", [](const InterventionStats& self) {
        return c10::str(
            "InterventionStats(calls=",
            self.calls,
            ", edited=",
            self.edited,
            ")");
      });
  py::class_<Intervention>(
      m,
      "Intervention",
      R"(An edit of activations as data: where, which entries, what.

Example:
    >>> select = ma.Selection.at([0], [3])
    >>> zero = ma.make_intervention("set_value", site="blocks.1.resid_post", select=select, value=0.0)
    >>> with model.add_hook(zero):
    ...     _, cache = model.run_with_cache([1, 2, 3], ["blocks.1.resid_post"])
    >>> cache["blocks.1.resid_post"][0, 0, 3].item(), zero.stats.edited
    (0.0, 1)
)")
      .def_property_readonly(
          "kind", &Intervention::kind, "Name in the list of interventions.")
      .def_property_readonly(
          "site", &Intervention::site, "Hook name or pattern.")
      .def_property_readonly(
          "stats",
          &Intervention::stats,
          "What it did so far, an InterventionStats.")
      .def(
          "describe",
          &Intervention::describe,
          "One line for tables and records.")
      .def(
          "__call__",
          [](const Intervention& self, const torch::Tensor& x, const Site& at) {
            const auto site = at.get();
            const py::gil_scoped_release released;
            const at::NoGradGuard no_grad;
            return self(x, site);
          },
          py::arg("x"),
          py::arg("at"),
          "`x` with the selected entries edited; `x` itself is not written.")
      .def("__repr__", [](const Intervention& self) {
        return "Intervention(" + self.describe() + ")";
      });
}

void bind_files(py::module_& m) {
  m.def(
      "load_interventions",
      [](const std::filesystem::path& path) {
        return load_interventions(path, [](const auto& vectors) {
          return load_register_means(vectors).means;
        });
      },
      py::arg("path"),
      R"(The interventions of a YAML file.

Args:
    path: A file with the list `interventions`; `save_interventions` writes one.

Raises:
    FileError: When it cannot be read.
    ConfigError: When a key or value is wrong; the message has its line.
)");
  m.def(
      "save_interventions",
      &save_interventions,
      py::arg("path"),
      py::arg("edits"),
      R"(Writes interventions to a YAML file, which replaces an older one.

Means become values: one edit for each block, kind of position (start or other) and dim. Vectors stay in the file they came from.

Args:
    path: The file.
    edits: Interventions.

Raises:
    ConfigError: For means of a selection other than given, non-negative positions x given dims.
    FileError: When it cannot be written.

Example:
    >>> select = ma.Selection.at([0], [3])
    >>> zero = ma.make_intervention("set_value", site="blocks.1.resid_post", select=select, value=0.0)
    >>> ma.save_interventions(folder / "edit.yaml", [zero])
    >>> ma.load_interventions(folder / "edit.yaml")
    [Intervention(set_value 0 at blocks.1.resid_post: positions [0] x dims [3])]
)");
}

} // namespace

void bind_interventions(py::module_& m) {
  bind_selection(m);
  bind_intervention(m);
  bind_files(m);
  m.def(
      "intervention_kinds",
      [] { return intervention_registry().names(); },
      R"(Names of all kinds of intervention.

Example:
    >>> "set_value" in ma.intervention_kinds()
    True
)");
  m.def(
      "make_intervention",
      [](const std::string& kind,
         const std::string& site,
         const Selection& select,
         std::optional<double> value,
         const std::optional<torch::Tensor>& means,
         const std::optional<torch::Tensor>& vectors,
         std::optional<double> factor,
         std::optional<double> low,
         std::optional<double> high,
         const Indices& to,
         const Indices& keep,
         const std::string& others) {
        return make_intervention(
            kind,
            {.site = site,
             .select = select,
             .value = value,
             .means = means.value_or(torch::Tensor()),
             .vectors = vectors.value_or(torch::Tensor()),
             .factor = factor,
             .low = low,
             .high = high,
             .to = to,
             .keep = keep,
             .others = others});
      },
      py::arg("kind"),
      py::kw_only(),
      py::arg("site"),
      py::arg("select"),
      py::arg("value") = py::none(),
      py::arg("means") = py::none(),
      py::arg("vectors") = py::none(),
      py::arg("factor") = py::none(),
      py::arg("low") = py::none(),
      py::arg("high") = py::none(),
      py::arg("to") = Indices{},
      py::arg("keep") = Indices{},
      py::arg("others") = "",
      R"(Makes an intervention.

Args:
    kind: "set_value", "scale", "clamp", "add", "replace_tokens" or "shift_neurons".
    site: Hook name or pattern: "blocks.11.resid_post", "blocks.*.resid_post".
    select: Which entries.
    value: set_value: the constant. add: the amount.
    means: set_value: [layer, n + 1, d_model], mean at each of the first n positions of each block, and at all others.
    vectors: replace_tokens: [layer, position, d_model], one for each selected position.
    factor: scale.
    low: clamp: lower bound.
    high: clamp: upper bound.
    to: shift_neurons: positions that get a neuron's activation of largest magnitude over the row.
    keep: shift_neurons: positions that stay as they are.
    others: shift_neurons: what all other tokens get: "zero" (unless given), "mean", "only_outliers" or "same".

Raises:
    UnknownNameError: When there is no such kind.
    ConfigError: When an option is missing or not of this kind.

Example:
    >>> largest = ma.Selection.top_k(4)
    >>> clamp = ma.make_intervention("clamp", site="blocks.*.resid_post", select=largest, low=-1, high=1)
    >>> clamp.kind
    'clamp'
)");
}

} // namespace ma::python
