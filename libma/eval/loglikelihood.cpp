// One context, one continuation: is it what the model would say, and how
// likely is it (LAMBADA, Paperno et al. 2016).
#include <nlohmann/json.hpp>

#include "libma/eval/task_kind.h"

namespace ma {
namespace {

class Loglikelihood : public TaskKind {
 public:
  std::vector<MetricInfo> metrics() const override {
    return {
        {"acc"},
        {.name = "perplexity", .unit = "perplexity", .is_perplexity = true}};
  }

  AskFn read_prompt(const Yaml& task) const override {
    return [context = read_template(task, "context"),
            continuation = read_template(task, "continuation"),
            delimiter = task.get_or<std::string>("delimiter", " ")](
               const nlohmann::json& row,
               const std::string& where,
               TaskDocument& document) {
      document.requests = {
          {context.render(row, where),
           delimiter + continuation.render(row, where)}};
    };
  }

  DocumentScore score(
      const TaskDocument&,
      const std::vector<RequestScore>& scores) const override {
    DocumentScore result;
    result.values["acc"] = scores.front().is_greedy ? 1 : 0;
    result.values["perplexity"] = scores.front().log_likelihood_nats;
    return result;
  }
};

} // namespace

std::shared_ptr<const TaskKind> make_loglikelihood() {
  return std::make_shared<Loglikelihood>();
}

} // namespace ma
