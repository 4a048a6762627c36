// Ablation: perplexities and accuracies of a model under edits.
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"

#include "libma/eval/ablation.h"

namespace ma::python {
namespace {

using Edits = std::variant<std::vector<Intervention>, Intervention>;

void bind_condition(py::module_& m) {
  py::class_<Condition>(
      m,
      "Condition",
      R"(A row of an ablation table: the model under some edits, or under none.

Args:
    name: Shown in the table.
    edits: Interventions; at one site they act in this order, after the model's other hooks.

Example:
    >>> select = ma.Selection.at([0], [3])
    >>> zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=0)
    >>> ma.Condition("zero", zero)
    Condition('zero', 1 edit)
)")
      .def(
          py::init([](std::string name, const Edits& edits) {
            if (const auto* one = std::get_if<Intervention>(&edits)) {
              return Condition{std::move(name), {*one}};
            }
            return Condition{
                std::move(name), std::get<std::vector<Intervention>>(edits)};
          }),
          py::arg("name"),
          py::arg("edits") = py::tuple())
      .def_readonly("name", &Condition::name, "Shown in the table.")
      .def_readonly("edits", &Condition::edits, "Interventions.")
      .def("__repr__", [](const Condition& self) {
        const auto n = self.edits.size();
        return c10::str(
            "Condition('", self.name, "', ", n, n == 1 ? " edit)" : " edits)");
      });
  py::class_<PerplexityTask>(
      m,
      "PerplexityTask",
      "A column of an ablation table: a name and its windows; with "
      "`divergence`, also KL to the original and agreement with it.")
      .def(
          py::init(
              [](std::string name, const WindowSet& windows, bool divergence) {
                return PerplexityTask{std::move(name), windows, divergence};
              }),
          py::arg("name"),
          py::arg("windows"),
          py::kw_only(),
          py::arg("divergence") = false)
      .def_readonly("name", &PerplexityTask::name, "Shown in the table.")
      .def_readonly("windows", &PerplexityTask::windows, "A WindowSet.")
      .def_readonly(
          "divergence",
          &PerplexityTask::divergence,
          "Whether predictions are compared with the original's.");
}

void bind_result(py::module_& m) {
  py::class_<AblationResult>(
      m, "AblationResult", "Every condition's result on every task.")
      .def_readonly(
          "conditions",
          &AblationResult::conditions,
          "Names, in the order given.")
      .def_readonly(
          "tasks", &AblationResult::tasks, "Names, in the order given.")
      .def_readonly(
          "results",
          &AblationResult::results,
          "PerplexityResult or ZeroShotResult, [condition][task].")
      .def(
          "table",
          &AblationResult::table,
          "Rows are conditions, columns tasks; a Table.")
      .def(
          "metrics_table",
          &AblationResult::metrics_table,
          "Every zero-shot metric with its standard error; a Table.")
      .def(
          "to_pandas",
          [](const AblationResult& self) {
            return py::cast(
                       self.metrics_table().rows().empty()
                           ? self.table()
                           : self.metrics_table())
                .attr("to_pandas")();
          },
          "`metrics_table`, or `table` without tasks, as a DataFrame.")
      .def("__repr__", [](const AblationResult& self) {
        return self.table().to_text();
      });
}

AblationOptions options_of(
    std::int64_t tokens_per_pass, const std::optional<py::function>& progress) {
  return {
      .tokens_per_pass = tokens_per_pass, .progress = progress_fn(progress)};
}

} // namespace

void bind_ablation(py::module_& m) {
  bind_condition(m);
  bind_result(m);
  m.def(
      "evaluate_conditions",
      [](const BoundModel& model,
         const std::vector<Condition>& conditions,
         const std::vector<AblationTask>& tasks,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const auto options = options_of(tokens_per_pass, progress);
        return run_alone(model, [&] {
          return evaluate_conditions(model, conditions, tasks, options);
        });
      },
      py::arg("model"),
      py::arg("conditions"),
      py::arg("tasks"),
      py::kw_only(),
      py::arg("tokens_per_pass") = 0,
      py::arg("progress") = py::none(),
      "As `run_ablation`, with the results in full: an AblationResult.");
  m.def(
      "run_ablation",
      [](const BoundModel& model,
         const std::vector<Condition>& conditions,
         const std::vector<AblationTask>& tasks,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const auto options = options_of(tokens_per_pass, progress);
        return run_alone(model, [&] {
          return run_ablation(model, conditions, tasks, options);
        });
      },
      py::arg("model"),
      py::arg("conditions"),
      py::arg("tasks"),
      py::kw_only(),
      py::arg("tokens_per_pass") = 0,
      py::arg("progress") = py::none(),
      R"(Evaluates every condition on every task in one pass over each text; what conditions share is computed once.

Args:
    model: A loaded model.
    conditions: Rows, Condition objects.
    tasks: Columns, PerplexityTask and ZeroShotTask objects.
    tokens_per_pass: As for `perplexity`.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A Table.

Raises:
    ConfigError: When an edit wrote no entry in the whole run, or two rows or columns have the same name.

Example:
    >>> windows = ma.make_windows(list(range(64)), window=16)
    >>> select = ma.Selection.at([0], [3])
    >>> zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=0)
    >>> conditions = [ma.Condition("original"), ma.Condition("zero", zero)]
    >>> [row[0] for row in ma.run_ablation(model, conditions, [ma.PerplexityTask("counting", windows)]).rows]
    ['original', 'zero']
)");
}

} // namespace ma::python
