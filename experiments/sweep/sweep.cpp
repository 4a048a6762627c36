// Sweeps: what editing the massive activations of a model costs, along blocks,
// factors, tokens and means (Sun et al. 2024, section 3, and beyond Table 3).
#include <map>
#include <set>
#include <utility>

#include "experiments/common/calibrated.h"
#include "experiments/common/evaluation.h"
#include "experiments/common/experiment.h"
#include "experiments/sweep/report.h"
#include "experiments/sweep/settings.h"

#include "libma/analysis/massive_tables.h"
#include "libma/analysis/prefix_means.h"
#include "libma/core/json_number.h"
#include "libma/core/log.h"
#include "libma/eval/sweeps.h"

namespace ma::experiments {
namespace {

/// What one pass over the calibration sequences finds.
struct Found {
  MassiveProfile profile;
  std::map<std::int64_t, torch::Tensor> means; ///< by number of sequences
};

Found find(
    const SweepRunSettings& settings,
    const Calibrated& calibrated,
    const Run& run) {
  std::set<std::int64_t> counts;
  for (const SweepSettings& sweep : settings.sweeps) {
    counts.insert(sweep.sequences.begin(), sweep.sequences.end());
  }
  if (counts.empty()) {
    return {find_massive_in(calibrated, settings.find, run), {}};
  }
  PrefixMeans means(
      calibrated.model.config().n_layers, {counts.begin(), counts.end()});
  const auto handle = calibrated.model.add_hook(
      "blocks.*.resid_post", [&](const torch::Tensor& x, const HookSite& at) {
        means.observe(x, at);
        return x;
      });
  auto profile = find_massive_in(calibrated, settings.find, run);
  return {std::move(profile), means.finish()};
}

std::vector<NamedSweep> make_sweeps(
    const SweepRunSettings& settings, const Found& found) {
  std::vector<NamedSweep> sweeps;
  for (const SweepSettings& wanted : settings.sweeps) {
    SweepOptions options = wanted.options;
    for (const std::int64_t count : wanted.sequences) {
      options.means[count] = found.means.at(count);
    }
    sweeps.push_back({wanted.name, make_sweep(found.profile, options)});
    for (const std::string& reason : sweeps.back().sweep.left_out) {
      log::warn("sweep " + wanted.name + " goes without " + reason);
    }
  }
  return sweeps;
}

/// The original and every row of every sweep, which share their passes.
std::vector<Condition> conditions_of(const std::vector<NamedSweep>& sweeps) {
  std::vector<Condition> conditions = {{kOriginal, {}}};
  for (const NamedSweep& sweep : sweeps) {
    for (const SweepRow& row : sweep.sweep.rows) {
      conditions.push_back({full_name(sweep, row), row.condition.edits});
    }
  }
  return conditions;
}

nlohmann::json to_json(
    const std::string& condition, const Repetition& repetition) {
  auto repeated = nlohmann::json::array();
  for (const double share : repetition.repeated) {
    repeated.push_back(json_number(share));
  }
  return {
      {"condition", condition},
      {"repeated", repeated},
      {"tokens", repetition.n_tokens}};
}

Repetition repetition_from(const nlohmann::json& line) {
  Repetition repetition;
  for (std::size_t n = 0; n < kRepetitionOrders; ++n) {
    repetition.repeated[n] = number_from_json(line.at("repeated").at(n));
  }
  repetition.n_tokens = line.at("tokens").get<std::int64_t>();
  return repetition;
}

/// The repetition of each condition; of those that are not in `journal` from an
/// earlier run it is measured, and joins it.
std::map<std::string, Repetition> measure_repetitions(
    const std::vector<Condition>& conditions,
    const Model& model,
    const std::vector<TokenIds>& prompts,
    RepetitionOptions options,
    JsonlJournal& journal) {
  std::map<std::string, Repetition> measured;
  for (const auto& line : journal.recovered()) {
    measured.emplace(
        line.at("condition").get<std::string>(), repetition_from(line));
  }
  ProgressCounter progress(
      options.progress,
      {.stage = "repetition",
       .done = static_cast<std::int64_t>(measured.size()),
       .total = static_cast<std::int64_t>(conditions.size()),
       .unit = "conditions"});
  options.progress = [&](const Progress&) { progress.add(0); };
  for (const Condition& condition : conditions) {
    if (measured.contains(condition.name)) {
      continue;
    }
    const auto found =
        measure_repetition(model, prompts, condition.edits, options);
    journal.append(to_json(condition.name, found));
    measured.emplace(condition.name, found);
    progress.add(1);
  }
  return measured;
}

void write_results(
    const Found& found,
    const std::vector<NamedSweep>& sweeps,
    const SweepResults& results,
    Findings findings,
    const Run& run) {
  run.write_table(sites_table(found.profile), "sites");
  run.write("layers.csv", layers_table(found.profile).to_csv());
  for (const NamedSweep& sweep : sweeps) {
    run.write_table(sweep_table(sweep, results), "sweep_" + sweep.name);
  }
  findings.metrics = metrics_of_sweeps(sweeps, results);
  findings.details = {
      {"meets_criterion", found.profile.meets_criterion},
      {"edit_block_0_based", found.profile.edit_layer},
      {"sites", sites_table(found.profile).to_json()},
      {"sweeps", describe_sweeps(sweeps)}};
  run.write_record(findings);
}

void run_sweeps(const SweepRunSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  const Model& model = calibrated.model;
  const auto evaluation =
      make_evaluation(settings.evaluation, model.tokenizer(), run.home());
  const auto inputs = journal_inputs(calibrated, evaluation);
  auto journal = run.open_journal(inputs);
  const auto found = find(settings, calibrated, run);
  const auto sweeps = make_sweeps(settings, found);
  const auto conditions = conditions_of(sweeps);
  SweepResults results{
      evaluate(model, conditions, evaluation, journal, run), {}};
  if (const auto& wanted = settings.repetition) {
    const auto& text = std::get<PerplexityTask>(evaluation.tasks.front());
    auto repeated = run.open_journal(inputs, "repetition.jsonl");
    results.repetition = measure_repetitions(
        conditions,
        model,
        window_prompts(text.windows, wanted->prompts, wanted->prompt_tokens),
        {.new_tokens = wanted->new_tokens,
         .tokens_per_pass = evaluation.tokens_per_pass,
         .progress = run.progress()},
        repeated);
  }
  write_results(
      found, sweeps, results, findings_of(calibrated, evaluation), run);
}

} // namespace

int run_sweep(const std::vector<std::string>& args) {
  return run_experiment(
      "sweep",
      "What editing the massive activations of a model costs, along blocks, "
      "factors, tokens and means",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_sweep_settings(config);
        return {
            .work = [=](Run& run) { run_sweeps(settings, run); },
            .check =
                [=](const auto& home) {
                  check_evaluation(
                      settings.model, settings.find, settings.evaluation, home);
                }};
      });
}

} // namespace ma::experiments
