// Several contexts, one continuation: the context that makes it likeliest is
// the answer ("partial" scoring, Trinh & Le 2018; WinoGrande).
#include <nlohmann/json.hpp>

#include "libma/eval/task_kind.h"

namespace ma {
namespace {

class Partial : public TaskKind {
 public:
  std::vector<MetricInfo> metrics() const override { return {{"acc"}}; }

  AskFn read_prompt(const Yaml& task) const override {
    return [contexts = TemplateList(task, "contexts"),
            continuation = read_template(task, "continuation"),
            gold = GoldRule(task),
            delimiter = task.get_or<std::string>("delimiter", " ")](
               const nlohmann::json& row,
               const std::string& where,
               TaskDocument& document) {
      document.choices = contexts.render(row, where);
      check_choices(document.choices, where);
      const auto n = static_cast<std::int64_t>(document.choices.size());
      document.gold = gold.find(row, n, where);
      const auto rest = delimiter + continuation.render(row, where);
      for (const std::string& context : document.choices) {
        document.requests.push_back({context, rest});
      }
    };
  }

  DocumentScore score(
      const TaskDocument& document,
      const std::vector<RequestScore>& scores) const override {
    return score_choices(document, scores);
  }
};

} // namespace

std::shared_ptr<const TaskKind> make_partial() {
  return std::make_shared<Partial>();
}

} // namespace ma
