// Journal lines of the ablation table.
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/json_number.h"
#include "libma/eval/ablation.h"

namespace ma {

namespace {

using nlohmann::json;

void write(const WindowScore& score, json& line) {
  line["window"] = score.window;
  line["n_tokens"] = score.n_tokens;
  line["nll_sum_nats"] = json_number(score.nll_sum_nats);
  line["nll_square_sum"] = json_number(score.nll_square_sum);
  line["n_nonfinite"] = score.n_nonfinite;
  line["edited"] = score.edited;
  if (score.divergence) {
    line["kl_sum_nats"] = json_number(score.divergence->kl_sum_nats);
    line["n_agreeing"] = score.divergence->n_agreeing;
  }
}

/// [log-likelihood, tokens, is greedy, is truncated] of each request.
void write(const GroupScore& score, json& line) {
  line["document"] = score.group;
  line["requests"] = json::array();
  for (const RequestScore& request : score.scores) {
    line["requests"].push_back(
        {json_number(request.log_likelihood_nats),
         request.n_tokens,
         request.is_greedy,
         request.is_truncated});
  }
  line["edited"] = score.edited;
}

WindowScore read_window(const json& line) {
  WindowScore score;
  line.at("window").get_to(score.window);
  line.at("n_tokens").get_to(score.n_tokens);
  score.nll_sum_nats = number_from_json(line.at("nll_sum_nats"));
  score.nll_square_sum = number_from_json(line.at("nll_square_sum"));
  line.at("n_nonfinite").get_to(score.n_nonfinite);
  line.at("edited").get_to(score.edited);
  if (line.contains("kl_sum_nats")) {
    score.divergence = {
        .kl_sum_nats = number_from_json(line.at("kl_sum_nats")),
        .n_agreeing = line.at("n_agreeing").get<std::int64_t>()};
  }
  return score;
}

GroupScore read_group(const json& line) {
  GroupScore score;
  line.at("document").get_to(score.group);
  for (const json& request : line.at("requests")) {
    score.scores.push_back(
        {.log_likelihood_nats = number_from_json(request.at(0)),
         .n_tokens = request.at(1).get<std::int64_t>(),
         .is_greedy = request.at(2).get<bool>(),
         .is_truncated = request.at(3).get<bool>()});
  }
  line.at("edited").get_to(score.edited);
  return score;
}

} // namespace

nlohmann::json to_json(const AblationScore& entry) {
  json line = {{"task", entry.task}, {"condition", entry.condition}};
  std::visit([&](const auto& score) { write(score, line); }, entry.score);
  return line;
}

AblationScore ablation_score_from_json(const nlohmann::json& line) {
  try {
    AblationScore entry;
    line.at("task").get_to(entry.task);
    line.at("condition").get_to(entry.condition);
    if (line.contains("document")) {
      entry.score = read_group(line);
    } else {
      entry.score = read_window(line);
    }
    return entry;
  } catch (const nlohmann::json::exception& error) {
    throw ConfigError("finished results", error.what());
  }
}

} // namespace ma
