// Ablation (Sun et al. 2024, Table 3): find the massive activations of a model,
// edit them, measure what the edit costs.
#include "libma/eval/ablation.h"

#include <cstdint>
#include <map>
#include <string_view>

#include "experiments/ablation/settings.h"
#include "experiments/common/ablation_record.h"
#include "experiments/common/calibrated.h"
#include "experiments/common/conditions.h"
#include "experiments/common/evaluation.h"
#include "experiments/common/experiment.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/massive_tables.h"
#include "libma/core/error.h"
#include "libma/hooks/token_class.h"
#include "libma/io/sha256.h"

namespace ma::experiments {
namespace {

using Hashes = std::map<std::string, std::string>; // path -> SHA-256

Evaluation make_tasks(
    const AblationSettings& settings,
    const Model& model,
    const std::filesystem::path& home) {
  auto made = make_evaluation(settings.evaluation, model.tokenizer(), home);
  for (const ZeroShotSettings& wanted : settings.zero_shot) {
    for (const std::string& name : wanted.tasks) {
      made.tasks.emplace_back(make_zero_shot_task(
          model,
          load_task(name, {.limit = wanted.limit, .home = home}),
          wanted.profile));
    }
  }
  return made;
}

/// SHA-256 of the tasks' data sets, by path.
Hashes hash_datasets(const std::vector<AblationTask>& tasks) {
  std::vector<std::filesystem::path> paths;
  for (const AblationTask& task : tasks) {
    if (const auto* zero_shot = std::get_if<ZeroShotTask>(&task)) {
      paths.push_back(zero_shot->task.data);
    }
  }
  return hash_files(paths);
}

/// SHA-256 of each task's requests, by its name: what its file makes of its
/// data set.
Hashes hash_requests(const std::vector<AblationTask>& tasks) {
  Hashes hashes;
  for (const AblationTask& task : tasks) {
    if (const auto* zero_shot = std::get_if<ZeroShotTask>(&task)) {
      auto requests = nlohmann::json::array();
      for (const TaskDocument& document : zero_shot->task.documents) {
        for (const Request& request : document.requests) {
          requests.push_back({request.context, request.continuation});
        }
      }
      hashes[zero_shot->name] = sha256_hex(requests.dump());
    }
  }
  return hashes;
}

/// Of text, only the first token is where it is whatever the text.
std::int64_t text_position(const std::string& role, std::string_view where) {
  const auto start = token_class_name(TokenClass::kStart);
  if (role != start) {
    throw UnknownNameError(
        where,
        c10::str(
            "no token named '",
            role,
            "' in a text; give a number (-1 is the last token), or ",
            start));
  }
  return 0;
}

void ablate(const AblationSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  const Model& model = calibrated.model;
  check_sites(settings.conditions, model);
  check_tokens(settings.conditions, text_position);
  const auto evaluation = make_tasks(settings, model, run.home());
  const auto& tasks = evaluation.tasks;
  const Hashes datasets = hash_datasets(tasks);
  auto inputs = journal_inputs(calibrated, evaluation);
  inputs["datasets"] = datasets;
  inputs["requests"] = hash_requests(tasks);
  auto journal = run.open_journal(inputs);

  const auto profile = find_massive_in(calibrated, settings.find, run);
  const auto conditions =
      make_conditions(settings.conditions, profile, text_position);
  const AblationResult result =
      evaluate(model, conditions, evaluation, journal, run);

  const Table table = result.table();
  run.write_table(sites_table(profile), "sites");
  run.write("layers.csv", layers_table(profile).to_csv());
  run.write_table(table);
  const Table metrics = result.metrics_table();
  if (!metrics.rows().empty()) {
    run.write_table(metrics, "zero_shot");
  }
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    if (const auto* task = std::get_if<ZeroShotTask>(&tasks[t])) {
      run.write(
          "examples_" + task->name + ".jsonl", examples_of(*task, result, t));
    }
  }
  auto findings = findings_of(calibrated, evaluation);
  findings.metrics = metrics_of(table);
  findings.details = details_of(profile, conditions, result);
  findings.details["datasets"] = datasets;
  run.write_record(findings);
}

/// Throws Problems with all that is not there: the model, texts, tasks.
void check_inputs(
    const AblationSettings& settings, const std::filesystem::path& home) {
  Checks checks;
  checks.attempt([&] {
    check_evaluation(
        settings.model,
        settings.find,
        settings.evaluation,
        home,
        [&](const DecoderConfig& config) {
          check_blocks(settings.conditions, config.n_layers);
        });
  });
  for (const ZeroShotSettings& wanted : settings.zero_shot) {
    for (const std::string& name : wanted.tasks) {
      checks.attempt(
          [&] { load_task(name, {.limit = wanted.limit, .home = home}); });
    }
  }
  checks.finish();
}

} // namespace

int run_ablation(const std::vector<std::string>& args) {
  return run_experiment(
      "ablation",
      "What editing the massive activations of a model costs",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_ablation_settings(config);
        return {
            .work = [=](Run& run) { ablate(settings, run); },
            .check = [=](const auto& home) { check_inputs(settings, home); }};
      });
}

} // namespace ma::experiments
