// Kinds of task: how rows become requests, and scores become metrics. One file
// and one line of builtin.def each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/registry.h"
#include "libma/core/yaml.h"
#include "libma/eval/prompt_template.h"
#include "libma/eval/task.h"

namespace ma {

/// A metric that a kind knows.
struct MetricInfo {
  std::string name;
  std::string unit = "share";
  bool is_perplexity = false; ///< exp(-mean) instead of the mean
};

/// Fills in the requests, choices and gold index of the document that `row`
/// describes. Throws, located at `where`, on a row that cannot be asked.
using AskFn = std::function<void(
    const nlohmann::json& row,
    const std::string& where,
    TaskDocument& document)>;

class TaskKind {
 public:
  virtual ~TaskKind() = default;

  /// Metrics in the order in which they are shown when a task names none.
  virtual std::vector<MetricInfo> metrics() const = 0;

  /// Reads the prompt from a task file.
  virtual AskFn read_prompt(const Yaml& task) const = 0;

  virtual DocumentScore score(
      const TaskDocument& document,
      const std::vector<RequestScore>& scores) const = 0;
};

using TaskKindRegistry = Registry<std::shared_ptr<const TaskKind>>;

/// Every built-in kind: multiple_choice, partial, loglikelihood.
const TaskKindRegistry& task_kind_registry();

/// The string under `key` as a template.
PromptTemplate read_template(const Yaml& task, std::string_view key);

/// A list of templates, or one that is a field with a list.
class TemplateList {
 public:
  /// Reads the value of `key`.
  TemplateList(const Yaml& task, std::string_view key);
  std::vector<std::string> render(
      const nlohmann::json& row, const std::string& where) const;

 private:
  std::vector<PromptTemplate> templates_;
  bool is_field_ = false;
};

/// The index of the right choice: `gold: 3`, `gold: "{label}"`, or `gold:
/// {text: "{answer}", among: ["1", "2"]}`.
class GoldRule {
 public:
  explicit GoldRule(const Yaml& task);
  /// Throws FileError, located at `where`, unless it is in [0, n_choices).
  std::int64_t find(
      const nlohmann::json& row,
      std::int64_t n_choices,
      const std::string& where) const;

 private:
  PromptTemplate text_;
  std::vector<std::string> among_;
};

/// The first choice with the highest log-likelihood, whether another has the
/// same, and "acc". NaN is below everything.
DocumentScore score_choices(
    const TaskDocument& document, const std::vector<RequestScore>& scores);

/// Index of the first maximum of `values`; NaN is below everything.
std::int64_t first_maximum(const std::vector<double>& values);

/// Throws FileError, located at `where`, on fewer than two choices or one
/// without text.
void check_choices(
    const std::vector<std::string>& choices, const std::string& where);

} // namespace ma
