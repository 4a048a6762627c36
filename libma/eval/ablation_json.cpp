// Journal lines of the ablation table.
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/json_number.h"
#include "libma/eval/ablation.h"

namespace ma {

nlohmann::json to_json(const AblationScore& entry) {
  const WindowScore& score = entry.score;
  return {
      {"task", entry.task},
      {"condition", entry.condition},
      {"window", score.window},
      {"n_tokens", score.n_tokens},
      {"nll_sum_nats", json_number(score.nll_sum_nats)},
      {"nll_square_sum", json_number(score.nll_square_sum)},
      {"n_nonfinite", score.n_nonfinite},
      {"edited", score.edited}};
}

AblationScore ablation_score_from_json(const nlohmann::json& json) {
  try {
    AblationScore entry;
    json.at("task").get_to(entry.task);
    json.at("condition").get_to(entry.condition);
    json.at("window").get_to(entry.score.window);
    json.at("n_tokens").get_to(entry.score.n_tokens);
    entry.score.nll_sum_nats = number_from_json(json.at("nll_sum_nats"));
    entry.score.nll_square_sum = number_from_json(json.at("nll_square_sum"));
    json.at("n_nonfinite").get_to(entry.score.n_nonfinite);
    json.at("edited").get_to(entry.score.edited);
    return entry;
  } catch (const nlohmann::json::exception& error) {
    throw ConfigError("finished results", error.what());
  }
}

} // namespace ma
