// One context, several continuations: the likeliest is the answer.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "libma/eval/task_kind.h"

namespace ma {
namespace {

double n_code_points(const std::string& text) {
  return static_cast<double>(
      std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
      }));
}

class MultipleChoice : public TaskKind {
 public:
  std::vector<MetricInfo> metrics() const override {
    return {{"acc"}, {"acc_norm"}, {"acc_bytes"}};
  }

  AskFn read_prompt(const Yaml& task) const override {
    return [context = read_template(task, "context"),
            choices = TemplateList(task, "choices"),
            gold = GoldRule(task),
            delimiter = task.get_or<std::string>("delimiter", " ")](
               const nlohmann::json& row,
               const std::string& where,
               TaskDocument& document) {
      const auto asked = context.render(row, where);
      document.choices = choices.render(row, where);
      check_choices(document.choices, where);
      const auto n = static_cast<std::int64_t>(document.choices.size());
      document.gold = gold.find(row, n, where);
      for (const std::string& choice : document.choices) {
        document.requests.push_back({asked, delimiter + choice});
      }
    };
  }

  /// "acc_norm" divides log-likelihoods by the choice's characters (Unicode
  /// code points), "acc_bytes" by its UTF-8 bytes, both without the delimiter.
  DocumentScore score(
      const TaskDocument& document,
      const std::vector<RequestScore>& scores) const override {
    DocumentScore result = score_choices(document, scores);
    std::vector<double> by_character;
    std::vector<double> by_byte;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double value = scores[i].log_likelihood_nats;
      const std::string& choice = document.choices[i];
      by_character.push_back(value / n_code_points(choice));
      by_byte.push_back(value / static_cast<double>(choice.size()));
    }
    result.values["acc_norm"] =
        first_maximum(by_character) == document.gold ? 1 : 0;
    result.values["acc_bytes"] =
        first_maximum(by_byte) == document.gold ? 1 : 0;
    return result;
  }
};

} // namespace

std::shared_ptr<const TaskKind> make_multiple_choice() {
  return std::make_shared<MultipleChoice>();
}

} // namespace ma
