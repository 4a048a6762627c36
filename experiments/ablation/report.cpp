// Tables and JSON of what was found and measured.
#include "experiments/ablation/report.h"

#include "libma/analysis/massive_tables.h"
#include "libma/core/json_number.h"

namespace ma::experiments {
namespace {

using nlohmann::json;

json to_json(const PerplexityResult& result, const std::string& task) {
  json windows = json::array();
  for (const double nll : result.window_nll_nats) {
    windows.push_back(json_number(nll));
  }
  const auto optional = [](const std::optional<double>& value) {
    return value ? json_number(*value) : json();
  };
  return {
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
}

} // namespace

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
    json results = json::array();
    for (std::size_t task = 0; task < result.tasks.size(); ++task) {
      results.push_back(to_json(result.results[i][task], result.tasks[task]));
    }
    described.push_back(
        {{"name", conditions[i].name},
         {"edits", edits},
         {"perplexity", results}});
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
