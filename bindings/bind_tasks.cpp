// Tasks: their documents, requests and scores.
#include <string>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include <pybind11/stl/filesystem.h>

#include "libma/eval/task.h"

namespace ma::python {
namespace {

void bind_scores(py::module_& m) {
  py::class_<RequestScore>(
      m, "RequestScore", "What a model makes of a context and a continuation.")
      .def(
          py::init([](double log_likelihood_nats,
                      std::int64_t n_tokens,
                      bool is_greedy,
                      bool is_truncated) {
            return RequestScore{
                log_likelihood_nats, n_tokens, is_greedy, is_truncated};
          }),
          py::arg("log_likelihood_nats"),
          py::arg("n_tokens") = 1,
          py::arg("is_greedy") = false,
          py::arg("is_truncated") = false)
      .def_readonly(
          "log_likelihood_nats",
          &RequestScore::log_likelihood_nats,
          "Of the continuation, in nats.")
      .def_readonly("n_tokens", &RequestScore::n_tokens, "Of the continuation.")
      .def_readonly(
          "is_greedy",
          &RequestScore::is_greedy,
          "Each of its tokens is the model's first choice.")
      .def_readonly(
          "is_truncated",
          &RequestScore::is_truncated,
          "The context lost tokens on its left.")
      .def(
          "__eq__",
          [](const RequestScore& self, const RequestScore& other) {
            return self == other;
          },
          py::arg("other"))
      .def("__repr__", [](const RequestScore& self) {
        return c10::str(
            "RequestScore(",
            self.log_likelihood_nats,
            " nats, ",
            self.n_tokens,
            " tokens)");
      });
  py::class_<DocumentScore>(
      m, "DocumentScore", "What the scores of a document's requests amount to.")
      .def_readonly(
          "chosen", &DocumentScore::chosen, "Index of the choice; -1: none.")
      .def_readonly(
          "is_tie", &DocumentScore::is_tie, "Another choice is as likely.")
      .def_readonly(
          "values", &DocumentScore::values, "By metric: {'acc': 1.0}.");
  py::class_<TaskMetric>(m, "TaskMetric", "A figure over a task's documents.")
      .def_readonly("name", &TaskMetric::name, "'acc'")
      .def_readonly("unit", &TaskMetric::unit, "'share' or 'perplexity'")
      .def_readonly("value", &TaskMetric::value, "In that unit.")
      .def_readonly(
          "std_error", &TaskMetric::std_error, "In that unit; NaN: none.")
      .def("__repr__", [](const TaskMetric& self) {
        return c10::str(self.name, " = ", self.value, " +- ", self.std_error);
      });
}

void bind_task(py::module_& m) {
  py::class_<TaskDocument>(m, "TaskDocument", "One document of a task.")
      .def_readonly("index", &TaskDocument::index, "Row in the data, from 0.")
      .def_property_readonly(
          "requests",
          [](const TaskDocument& self) {
            std::vector<std::pair<std::string, std::string>> requests;
            requests.reserve(self.requests.size());
            for (const Request& request : self.requests) {
              requests.emplace_back(request.context, request.continuation);
            }
            return requests;
          },
          "(context, continuation), one per choice.")
      .def_readonly("choices", &TaskDocument::choices, "Without the delimiter.")
      .def_readonly("gold", &TaskDocument::gold, "Index of the right choice.");
  py::class_<Task>(m, "Task", "A task with its documents; see `load_task`.")
      .def_readonly("name", &Task::name, "Of its file.")
      .def_readonly("description", &Task::description, "One line.")
      .def_readonly("kind", &Task::kind, "Of scorer: 'multiple_choice'.")
      .def_readonly("version", &Task::version, "Of the prompt.")
      .def_property_readonly(
          "data",
          [](const Task& self) { return self.data.string(); },
          "Path of the JSONL file.")
      .def_readonly("metrics", &Task::metrics, "Names.")
      .def_readonly("documents", &Task::documents, "TaskDocument objects.")
      .def_readonly(
          "chance", &Task::chance, "Accuracy of guessing, share; or None.")
      .def("__repr__", [](const Task& self) {
        return c10::str(
            "Task('", self.name, "', ", self.documents.size(), " documents)");
      });
}

} // namespace

void bind_tasks(py::module_& m) {
  bind_scores(m);
  bind_task(m);
  m.def(
      "builtin_task_names",
      &builtin_task_names,
      "Names of the tasks that libma brings along.");
  m.def(
      "load_task",
      [](const std::string& name,
         std::int64_t limit,
         std::optional<std::filesystem::path> home) {
        if (!home) {
          home = py::module_::import("libma.cache")
                     .attr("home_folder")()
                     .cast<std::filesystem::path>();
        }
        return load_task(name, {.limit = limit, .home = *home});
      },
      py::arg("name"),
      py::kw_only(),
      py::arg("limit") = 0,
      py::arg("home") = py::none(),
      R"(The task that a file describes, or a built-in one by name.

Args:
    name: 'piqa', or the path of a `.yaml` file.
    limit: Only the first documents; 0: all.
    home: Cache of fetched data sets; None for $LIBMA_HOME, or else ~/.cache/libma.

Raises:
    UnknownNameError: When there is no such task.
    ConfigError: When the file is wrong.
    FileError: When the data set is missing or one of its rows is wrong.

Example:
    >>> "piqa" in ma.builtin_task_names()
    True
)");
  m.def(
      "score_document",
      &score_document,
      py::arg("task"),
      py::arg("document"),
      py::arg("scores"),
      "DocumentScore of a document from the RequestScore of each request.");
  m.def(
      "summarize_task",
      &summarize_task,
      py::arg("task"),
      py::arg("scores"),
      "TaskMetric list from the DocumentScore of each document.");
}

} // namespace ma::python
