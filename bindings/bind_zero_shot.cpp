// Zero-shot accuracy: scored requests and tasks as columns of an ablation.
#include <string>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/result_arg.h"

#include "libma/eval/zero_shot.h"

namespace ma::python {
namespace {

void bind_result(py::module_& m) {
  py::class_<DocumentResult>(
      m, "DocumentResult", "What a model made of one document.")
      .def_readonly(
          "requests", &DocumentResult::requests, "RequestScore objects.")
      .def_readonly("score", &DocumentResult::score, "A DocumentScore.");
  py::class_<ZeroShotResult>(
      m, "ZeroShotResult", "A task's metrics, with what they depend on.")
      .def_readonly("task", &ZeroShotResult::task, "Name.")
      .def_readonly("version", &ZeroShotResult::version, "Of the prompt.")
      .def_readonly("bos", &ZeroShotResult::bos, "BOS profile.")
      .def_readonly("metrics", &ZeroShotResult::metrics, "TaskMetric objects.")
      .def_readonly(
          "chance", &ZeroShotResult::chance, "Accuracy of guessing, or None.")
      .def_readonly(
          "n_ties", &ZeroShotResult::n_ties, "Documents with a tie on top.")
      .def_readonly(
          "n_truncated", &ZeroShotResult::n_truncated, "Requests cut left.")
      .def_readonly(
          "n_nonfinite",
          &ZeroShotResult::n_nonfinite,
          "Requests with an infinite or NaN score.")
      .def_readonly(
          "documents", &ZeroShotResult::documents, "DocumentResult objects.")
      .def(
          "metric",
          &ZeroShotResult::metric,
          py::arg("name"),
          "The TaskMetric of that name.")
      .def("__repr__", [](const ZeroShotResult& self) {
        const TaskMetric& first = self.metrics.front();
        return c10::str(
            "ZeroShotResult('",
            self.task,
            "', ",
            first.name,
            " = ",
            first.value,
            ", ",
            self.documents.size(),
            " documents)");
      });
}

} // namespace

void bind_zero_shot(py::module_& m) {
  bind_result(m);
  py::class_<ZeroShotTask>(
      m, "ZeroShotTask", "A task in a model's tokens: a column of an ablation.")
      .def(
          py::init([](const BoundModel& model,
                      const Task& task,
                      const std::string& profile,
                      const std::string& name) {
            return make_zero_shot_task(
                model, task, parse_bos_profile(profile, "profile"), name);
          }),
          py::arg("model"),
          py::arg("task"),
          py::kw_only(),
          py::arg("profile") = "lm-eval-current",
          py::arg("name") = "")
      .def_readonly("name", &ZeroShotTask::name, "Shown in the table.")
      .def_readonly("task", &ZeroShotTask::task, "The Task.")
      .def("__repr__", [](const ZeroShotTask& self) {
        return c10::str(
            "ZeroShotTask('",
            self.name,
            "', ",
            self.groups.size(),
            " documents)");
      });
  m.def(
      "score_requests",
      [](const BoundModel& model,
         const std::vector<std::pair<std::string, std::string>>& pairs,
         const std::vector<Intervention>& edits,
         const std::string& profile,
         std::int64_t tokens_per_pass,
         std::int64_t max_length,
         const std::optional<py::function>& on_score,
         const std::optional<py::function>& progress) {
        std::vector<Request> requests;
        requests.reserve(pairs.size());
        for (const auto& [context, continuation] : pairs) {
          requests.push_back({context, continuation});
        }
        const auto bos = parse_bos_profile(profile, "profile");
        const ZeroShotOptions options{
            .tokens_per_pass = tokens_per_pass,
            .progress = progress_fn(progress),
            .max_length = max_length,
            .on_score = result_fn<RequestScore>(on_score)};
        return run_alone(model, [&] {
          return score_requests(model, requests, edits, bos, options);
        });
      },
      py::arg("model"),
      py::arg("requests"),
      py::kw_only(),
      py::arg("edits") = std::vector<Intervention>(),
      py::arg("profile") = "lm-eval-current",
      py::arg("tokens_per_pass") = 0,
      py::arg("max_length") = 0,
      py::arg("on_score") = py::none(),
      py::arg("progress") = py::none(),
      R"(How likely each continuation is after its context.

Args:
    model: A loaded model.
    requests: Pairs (context, continuation).
    edits: Interventions that are active.
    profile: Of BOS: 'lm-eval-2023', 'lm-eval-current', 'bos' or 'nobos'.
    tokens_per_pass: Bounds the memory; 0: 512 on the CPU, 16,384 elsewhere.
    max_length: Tokens that the model reads at most, contexts losing what is too much on their left; 0: its positions.
    on_score: Called as `on_score(index, score)` with each score as it comes.
    progress: Called as `progress(stage, done, total)`.

Returns:
    RequestScore objects, in order.

Raises:
    ConfigError: When a continuation has no token, or more than the model's window.

Example:
    >>> [score] = ma.score_requests(model, [("Summer is", " warm")], profile="nobos")
    >>> score.n_tokens
    5
)");
}

} // namespace ma::python
