// Tables and JSON of what was found and measured.
#include "experiments/ablation/report.h"

#include "libma/core/json_number.h"
#include "libma/core/names.h"

namespace ma::experiments {
namespace {

using nlohmann::json;

json to_json(const PerplexityResult& result, const std::string& task) {
  json windows = json::array();
  for (const double nll : result.window_nll_nats) {
    windows.push_back(json_number(nll));
  }
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
      {"nonfinite_tokens", result.n_nonfinite},
      {"nonfinite_windows", result.n_nonfinite_windows},
      {"window_nll_nats", windows}};
}

/// Texts of tokens on one line: "the" "\\n".
std::string quoted(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) {
    quoted.push_back(json(text).dump(
        /*indent=*/-1,
        ' ',
        /*ensure_ascii=*/false,
        json::error_handler_t::replace));
  }
  return join(quoted, " ");
}

} // namespace

Table sites_table(const MassiveProfile& profile) {
  Table table(
      {{.name = "dim", .style = NumberStyle::kPlain},
       {.name = "token class"},
       {.name = "blocks (0-based)"},
       {.name = "layers (1-based)"},
       {.name = "peak block", .style = NumberStyle::kPlain},
       {.name = "mean"},
       {.name = "std"},
       {.name = "max / median"},
       {.name = "sequences",
        .unit = "%",
        .style = NumberStyle::kDecimals,
        .digits = 0},
       {.name = "tokens"}});
  for (const MassiveSite& site : profile.sites) {
    table.add_row(
        {site.dim,
         std::string(token_class_name(site.token_class)),
         c10::str(site.first_layer, "-", site.last_layer),
         c10::str(site.first_layer + 1, "-", site.last_layer + 1),
         site.peak_layer,
         site.mean,
         site.std,
         site.max_over_median,
         100 * site.sequence_share,
         quoted(site.tokens)});
  }
  return table;
}

Table layers_table(const MassiveProfile& profile) {
  Table table(
      {{.name = "block (0-based)", .style = NumberStyle::kPlain},
       {.name = "layer (1-based)", .style = NumberStyle::kPlain},
       {.name = "top 1"},
       {.name = "top 2"},
       {.name = "top 3"},
       {.name = "median"},
       {.name = "max / median"},
       {.name = "massive in sequences",
        .unit = "%",
        .style = NumberStyle::kDecimals,
        .digits = 0}});
  for (const LayerMagnitudes& layer : profile.layers) {
    table.add_row(
        {layer.layer,
         layer.layer + 1,
         layer.top[0],
         layer.top[1],
         layer.top[2],
         layer.median,
         layer.max_over_median,
         100 * layer.massive_share});
  }
  return table;
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
