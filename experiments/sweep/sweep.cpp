// Sweeps: what editing the massive activations of a model costs, along blocks,
// factors, tokens and means (Sun et al. 2024, section 3, and beyond Table 3).
#include <map>
#include <set>
#include <utility>

#include "experiments/common/calibrated.h"
#include "experiments/common/experiment.h"
#include "experiments/sweep/report.h"
#include "experiments/sweep/settings.h"

#include "libma/analysis/massive_tables.h"
#include "libma/analysis/prefix_means.h"
#include "libma/core/error.h"
#include "libma/core/journal.h"
#include "libma/core/json_number.h"
#include "libma/core/log.h"
#include "libma/eval/corpus.h"
#include "libma/eval/sweeps.h"

namespace ma::experiments {
namespace {

using Hashes = std::map<std::string, std::string>; // path -> SHA-256

struct Texts {
  std::vector<AblationTask> tasks;
  Hashes files;
};

Texts make_texts(
    const SweepRunSettings& settings, const Model& model, const Run& run) {
  Texts texts;
  for (const PerplexitySettings& wanted : settings.perplexity) {
    const Corpus corpus = load_corpus(wanted.task, run.home());
    const auto documents = corpus_documents(corpus, wanted.documents);
    texts.tasks.emplace_back(
        PerplexityTask{
            .name = wanted.name,
            .windows =
                make_windows(documents, model.tokenizer(), wanted.windows),
            .divergence = settings.divergence});
    texts.files.merge(hash_files({corpus.path}));
  }
  return texts;
}

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
      {"repetition_of", condition},
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

/// What there is so far, of this run and an earlier one.
struct Measured {
  explicit Measured(JsonlJournal opened) : journal(std::move(opened)) {
    for (const auto& line : journal.recovered()) {
      if (line.contains("repetition_of")) {
        repetition.emplace(
            line.at("repetition_of").get<std::string>(), repetition_from(line));
      } else {
        scores.push_back(ablation_score_from_json(line));
      }
    }
  }

  JsonlJournal journal;
  std::vector<AblationScore> scores = {};            ///< of the earlier run
  std::map<std::string, Repetition> repetition = {}; ///< by condition
};

/// What everything is measured on.
struct Inputs {
  const SweepRunSettings& settings;
  const Model& model;
  Texts texts;
};

AblationResult score(
    const Inputs& inputs,
    const std::vector<Condition>& conditions,
    Measured& measured,
    const Run& run) {
  return evaluate_conditions(
      inputs.model,
      conditions,
      inputs.texts.tasks,
      {.tokens_per_pass = inputs.settings.tokens_per_pass,
       .finished = measured.scores,
       .on_score =
           [&](const AblationScore& score) {
             measured.journal.append(to_json(score));
           },
       .progress = run.progress()});
}

/// Measures the repetition of the conditions that an earlier run has not got
/// to.
void add_repetition(
    const Inputs& inputs,
    const std::vector<Condition>& conditions,
    Measured& measured,
    const Run& run) {
  const RepetitionSettings& settings = *inputs.settings.repetition;
  const auto& text = std::get<PerplexityTask>(inputs.texts.tasks.front());
  const auto prompts =
      window_prompts(text.windows, settings.prompts, settings.prompt_tokens);
  ProgressCounter progress(
      run.progress(),
      {.stage = "repetition",
       .done = static_cast<std::int64_t>(measured.repetition.size()),
       .total = static_cast<std::int64_t>(conditions.size()),
       .unit = "conditions"});
  for (const Condition& condition : conditions) {
    if (measured.repetition.contains(condition.name)) {
      continue;
    }
    const auto found = measure_repetition(
        inputs.model,
        prompts,
        condition.edits,
        {.new_tokens = settings.new_tokens,
         .tokens_per_pass = inputs.settings.tokens_per_pass,
         .progress = [&](const Progress&) { progress.add(0); }});
    measured.journal.append(to_json(condition.name, found));
    measured.repetition.emplace(condition.name, found);
    progress.add(1);
  }
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
  const Inputs inputs{
      settings, calibrated.model, make_texts(settings, calibrated.model, run)};
  auto known = journal_inputs(calibrated);
  known["evaluated_texts"] = inputs.texts.files;
  Measured measured(run.open_journal(known));
  const auto found = find(settings, calibrated, run);
  const auto sweeps = make_sweeps(settings, found);
  const auto conditions = conditions_of(sweeps);
  SweepResults results{score(inputs, conditions, measured, run), {}};
  if (settings.repetition) {
    add_repetition(inputs, conditions, measured, run);
    results.repetition = measured.repetition;
  }
  write_results(found, sweeps, results, findings_of(calibrated), run);
}

/// Throws Problems with all that is not there: the model, texts.
void check_inputs(
    const SweepRunSettings& settings, const std::filesystem::path& home) {
  std::vector<std::string> problems;
  try {
    check_calibrated(settings.model, settings.find, home);
  } catch (const Problems& found) {
    problems = found.lines();
  }
  for (const PerplexitySettings& wanted : settings.perplexity) {
    try {
      load_corpus(wanted.task, home);
    } catch (const Error& error) {
      problems.push_back(one_line(error));
    }
  }
  if (!problems.empty()) {
    throw Problems(std::move(problems));
  }
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
            .check = [=](const auto& home) { check_inputs(settings, home); }};
      });
}

} // namespace ma::experiments
