// Rows of conditions, columns of measures.
#include "experiments/sweep/report.h"

#include <algorithm>
#include <utility>

#include "libma/core/table_columns.h"

namespace ma::experiments {
namespace {

constexpr double kPercent = 100;

const PerplexityResult& score_of(
    const SweepResults& results,
    const std::string& condition,
    std::size_t task) {
  const auto& names = results.scores.conditions;
  const auto row = std::find(names.begin(), names.end(), condition);
  return std::get<PerplexityResult>(
      results.scores
          .results[static_cast<std::size_t>(row - names.begin())][task]);
}

std::string order_name(std::size_t n) {
  return "repeated " + std::to_string(n) + "-grams";
}

/// Headings of the measures. A single text goes without its name.
std::vector<Column> measure_columns(const SweepResults& results) {
  std::vector<Column> columns;
  const auto& tasks = results.scores.tasks;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const std::string prefix = tasks.size() > 1 ? tasks[t] + " " : "";
    columns.push_back({.name = prefix + "perplexity"});
    columns.push_back({.name = prefix + "ratio to original"});
    if (score_of(results, kOriginal, t).kl_nats) {
      columns.push_back({.name = prefix + "KL", .unit = "nats"});
      columns.push_back(percent_column(prefix + "agreement"));
    }
  }
  for (std::size_t n = 1; !results.repetition.empty() && n <= kRepetitionOrders;
       ++n) {
    columns.push_back(percent_column(order_name(n)));
  }
  return columns;
}

void add_measures(
    const SweepResults& results,
    const std::string& condition,
    std::vector<Cell>& row) {
  for (std::size_t t = 0; t < results.scores.tasks.size(); ++t) {
    const auto& found = score_of(results, condition, t);
    row.emplace_back(found.perplexity);
    row.emplace_back(
        found.perplexity / score_of(results, kOriginal, t).perplexity);
    if (found.kl_nats && found.agreement) {
      row.emplace_back(*found.kl_nats);
      row.emplace_back(kPercent * *found.agreement);
    }
  }
  if (const auto repetition = results.repetition.find(condition);
      repetition != results.repetition.end()) {
    for (const double share : repetition->second.repeated) {
      row.emplace_back(kPercent * share);
    }
  }
}

/// The numbers of one condition, whose labels are `labels`.
void add_metrics(
    const SweepResults& results,
    const std::string& condition,
    const std::map<std::string, std::string>& labels,
    std::vector<Metric>& metrics) {
  for (std::size_t t = 0; t < results.scores.tasks.size(); ++t) {
    const auto& found = score_of(results, condition, t);
    auto with_task = labels;
    with_task["task"] = results.scores.tasks[t];
    const auto add = [&](const char* name, double value, const char* unit) {
      metrics.push_back({name, value, unit, with_task});
    };
    add("perplexity", found.perplexity, "");
    add("mean_nll", found.mean_nll_nats, "nats");
    add("mean_nll std error", found.std_error_nats, "nats");
    add("scored_tokens", static_cast<double>(found.n_tokens), "tokens");
    add("nonfinite_tokens", static_cast<double>(found.n_nonfinite), "tokens");
    if (found.kl_nats && found.agreement) {
      add("kl", *found.kl_nats, "nats");
      add("agreement", kPercent * *found.agreement, "%");
    }
  }
  const auto repetition = results.repetition.find(condition);
  if (repetition == results.repetition.end()) {
    return;
  }
  for (std::size_t n = 1; n <= kRepetitionOrders; ++n) {
    const double share = repetition->second.repeated[n - 1];
    metrics.push_back({order_name(n), kPercent * share, "%", labels});
  }
  metrics.push_back(
      {"written_tokens",
       static_cast<double>(repetition->second.n_tokens),
       "tokens",
       labels});
}

} // namespace

std::string full_name(const NamedSweep& sweep, const SweepRow& row) {
  return sweep.name + ": " + row.condition.name;
}

Table sweep_table(const NamedSweep& sweep, const SweepResults& results) {
  std::vector<Column> columns = sweep.sweep.keys;
  const auto measures = measure_columns(results);
  columns.insert(columns.end(), measures.begin(), measures.end());
  Table table(columns);
  std::vector<Cell> original(sweep.sweep.keys.size());
  original.front() = kOriginal;
  add_measures(results, kOriginal, original);
  table.add_row(std::move(original));
  for (const SweepRow& row : sweep.sweep.rows) {
    auto cells = row.keys;
    add_measures(results, full_name(sweep, row), cells);
    table.add_row(std::move(cells));
  }
  return table;
}

std::vector<Metric> metrics_of_sweeps(
    const std::vector<NamedSweep>& sweeps, const SweepResults& results) {
  std::vector<Metric> metrics;
  add_metrics(results, kOriginal, {{"condition", kOriginal}}, metrics);
  for (const NamedSweep& sweep : sweeps) {
    for (const SweepRow& row : sweep.sweep.rows) {
      add_metrics(
          results,
          full_name(sweep, row),
          {{"sweep", sweep.name}, {"condition", row.condition.name}},
          metrics);
    }
  }
  return metrics;
}

nlohmann::json describe_sweeps(const std::vector<NamedSweep>& sweeps) {
  auto described = nlohmann::json::array();
  for (const NamedSweep& sweep : sweeps) {
    auto rows = nlohmann::json::array();
    for (const SweepRow& row : sweep.sweep.rows) {
      auto edits = nlohmann::json::array();
      for (const Intervention& edit : row.condition.edits) {
        edits.push_back(edit.describe());
      }
      rows.push_back({{"condition", row.condition.name}, {"edits", edits}});
    }
    described.push_back(
        {{"name", sweep.name},
         {"conditions", rows},
         {"left_out", sweep.sweep.left_out}});
  }
  return described;
}

} // namespace ma::experiments
