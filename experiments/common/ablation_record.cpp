// JSON of what was found and measured.
#include "experiments/common/ablation_record.h"

#include "libma/analysis/massive_tables.h"
#include "libma/core/json_number.h"
#include "libma/io/sha256.h"

namespace ma::experiments {
namespace {

using nlohmann::json;

json optional(const std::optional<double>& value) {
  return value ? json_number(*value) : json();
}

json to_json(const PerplexityResult& result, const std::string& task) {
  json windows = json::array();
  for (const double nll : result.window_nll_nats) {
    windows.push_back(json_number(nll));
  }
  json found = {
      {"task", task},
      {"protocol", result.protocol},
      {"bos_profile", result.bos},
      {"has_bos", result.has_bos},
      {"window_tokens", result.window},
      {"stride_tokens", result.stride},
      {"windows", result.n_windows},
      {"scored_tokens", result.n_tokens},
      {"mean_nll_nats", json_number(result.mean_nll_nats)},
      {"std_error_nats", json_number(result.std_error_nats)},
      {"perplexity", json_number(result.perplexity)},
      {"word_perplexity", optional(result.word_perplexity)},
      {"byte_perplexity", optional(result.byte_perplexity)},
      {"bits_per_byte", optional(result.bits_per_byte)},
      {"nonfinite_tokens", result.n_nonfinite},
      {"nonfinite_windows", result.n_nonfinite_windows},
      {"window_nll_nats", windows}};
  if (result.kl_nats && result.agreement) {
    found["kl_nats"] = json_number(*result.kl_nats);
    found["agreement"] = *result.agreement;
  }
  return found;
}

json to_json(const ZeroShotResult& result, const std::string& task) {
  json metrics = json::object();
  for (const TaskMetric& metric : result.metrics) {
    metrics[metric.name] = {
        {"value", json_number(metric.value)},
        {"std_error", json_number(metric.std_error)},
        {"unit", metric.unit}};
  }
  return {
      {"task", task},
      {"version", result.version},
      {"bos_profile", result.bos},
      {"documents", result.documents.size()},
      {"metrics", metrics},
      {"chance", optional(result.chance)},
      {"ties", result.n_ties},
      {"truncated_requests", result.n_truncated},
      {"nonfinite_requests", result.n_nonfinite}};
}

/// One document under one condition.
json example_of(
    const TaskDocument& document,
    const DocumentResult& result,
    const std::string& condition) {
  json requests = json::array();
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestScore& score = result.requests[i];
    const Request& request = document.requests[i];
    requests.push_back(
        {{"context_sha256", sha256_hex(request.context)},
         {"continuation", request.continuation},
         {"log_likelihood_nats", json_number(score.log_likelihood_nats)},
         {"tokens", score.n_tokens},
         {"is_greedy", score.is_greedy},
         {"is_truncated", score.is_truncated}});
  }
  json line = {
      {"condition", condition},
      {"document", document.index},
      {"requests", requests},
      {"scores", result.score.values}};
  if (!document.choices.empty()) {
    line["chosen"] = result.score.chosen;
    line["gold"] = document.gold;
    line["is_tie"] = result.score.is_tie;
  }
  return line;
}

} // namespace

std::string examples_of(
    const ZeroShotTask& task,
    const AblationResult& result,
    std::size_t column) {
  std::string lines;
  for (std::size_t c = 0; c < result.conditions.size(); ++c) {
    const auto& found = std::get<ZeroShotResult>(result.results[c][column]);
    for (std::size_t i = 0; i < found.documents.size(); ++i) {
      lines +=
          example_of(
              task.task.documents[i], found.documents[i], result.conditions[c])
              .dump() +
          "\n";
    }
  }
  return lines;
}

json details_of(
    const MassiveProfile& profile,
    const std::vector<Condition>& conditions,
    const AblationResult& result) {
  json described = json::array();
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    json edits = json::array();
    for (const Intervention& edit : conditions[i].edits) {
      edits.push_back(edit.describe());
    }
    json perplexity = json::array();
    json zero_shot = json::array();
    for (std::size_t task = 0; task < result.tasks.size(); ++task) {
      const TaskResult& found = result.results[i][task];
      const bool is_text = std::holds_alternative<PerplexityResult>(found);
      (is_text ? perplexity : zero_shot)
          .push_back(
              std::visit(
                  [&](const auto& any) {
                    return to_json(any, result.tasks[task]);
                  },
                  found));
    }
    described.push_back(
        {{"name", conditions[i].name},
         {"edits", edits},
         {"perplexity", perplexity},
         {"zero_shot", zero_shot}});
  }
  return {
      {"criterion",
       {{"magnitude", profile.criterion.magnitude},
        {"ratio", profile.criterion.ratio}}},
      {"calibration_sequences", profile.n_sequences},
      {"calibration_length_tokens", profile.length},
      {"meets_criterion", profile.meets_criterion},
      {"edit_block_0_based", profile.edit_layer},
      {"sites", sites_table(profile).to_json()},
      {"conditions", described}};
}

} // namespace ma::experiments
