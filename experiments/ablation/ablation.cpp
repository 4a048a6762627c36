// Ablation (Sun et al. 2024, Table 3): find the massive activations of a model,
// edit them, measure what the edit costs.
#include "libma/eval/ablation.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "experiments/ablation/report.h"
#include "experiments/ablation/settings.h"
#include "experiments/common/conditions.h"
#include "experiments/common/experiment.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/massive_tables.h"
#include "libma/core/error.h"
#include "libma/eval/calibration.h"
#include "libma/eval/corpus.h"
#include "libma/eval/find_massive.h"
#include "libma/hooks/token_class.h"
#include "libma/io/sha256.h"
#include "libma/models/model.h"
#include "libma/nn/linear.h"

namespace ma::experiments {
namespace {

using Hashes = std::map<std::string, std::string>; // path -> SHA-256

/// Each corpus once, by the name it was asked for.
class Corpora {
 public:
  explicit Corpora(std::filesystem::path home) : home_(std::move(home)) {}

  const Corpus& operator[](const std::string& name) {
    const auto found = loaded_.find(name);
    return found != loaded_.end()
               ? found->second
               : loaded_.emplace(name, load_corpus(name, home_)).first->second;
  }

  const std::filesystem::path& home() const { return home_; }

  Hashes hashes() const {
    std::vector<std::filesystem::path> paths;
    paths.reserve(loaded_.size());
    for (const auto& [name, corpus] : loaded_) {
      paths.push_back(corpus.path);
    }
    return hash_files(paths);
  }

 private:
  std::filesystem::path home_;
  std::map<std::string, Corpus> loaded_;
};

std::vector<AblationTask> make_tasks(
    const AblationSettings& settings, Corpora& corpora, const Model& model) {
  std::vector<AblationTask> tasks;
  for (const PerplexitySettings& wanted : settings.perplexity) {
    const auto documents =
        corpus_documents(corpora[wanted.task], wanted.documents);
    tasks.emplace_back(
        PerplexityTask{
            .name = wanted.name,
            .windows =
                make_windows(documents, model.tokenizer(), wanted.windows),
            .divergence = settings.divergence});
  }
  for (const ZeroShotSettings& wanted : settings.zero_shot) {
    for (const std::string& name : wanted.tasks) {
      tasks.emplace_back(make_zero_shot_task(
          model,
          load_task(name, {.limit = wanted.limit, .home = corpora.home()}),
          wanted.profile));
    }
  }
  return tasks;
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
  const Model model = load_model(
      settings.model.name,
      {.device = settings.model.device,
       .dtype = parse_dtype(settings.model.dtype, "model.dtype"),
       .home = run.home()});
  check_sites(settings.conditions, model);
  check_tokens(settings.conditions, text_position);
  Corpora corpora(run.home());
  const auto tasks = make_tasks(settings, corpora, model);
  const auto sequences = cut_sequences(
      model.tokenizer(), corpora[settings.find.text].texts, settings.find.cut);

  const Hashes files = hash_files(model.files());
  const std::string device = model.devices();
  const Hashes datasets = hash_datasets(tasks);
  auto journal = run.open_journal(
      {{"model", files},
       {"texts", corpora.hashes()},
       {"datasets", datasets},
       {"requests", hash_requests(tasks)},
       {"products", nn::product_library()},
       {"device", device}});

  const MassiveProfile profile = find_massive(
      model,
      sequences,
      {.magnitude = settings.find.criterion.magnitude,
       .ratio = settings.find.criterion.ratio,
       .progress = run.progress()});
  log_found(profile);
  const auto conditions =
      make_conditions(settings.conditions, profile, text_position);

  AblationOptions options{
      .tokens_per_pass = settings.tokens_per_pass, .progress = run.progress()};
  for (const auto& line : journal.recovered()) {
    options.finished.push_back(ablation_score_from_json(line));
  }
  options.on_score = [&](const AblationScore& score) {
    journal.append(to_json(score));
  };
  const AblationResult result =
      evaluate_conditions(model, conditions, tasks, options);

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
  run.write_record(
      {.device = device,
       .dtype = settings.model.dtype,
       .model_files = files,
       .metrics = metrics_of(table),
       .details = details_of(profile, conditions, result, datasets)});
}

/// Throws Problems with all that is not there: the model, texts, tasks.
void check_inputs(
    const AblationSettings& settings, const std::filesystem::path& home) {
  std::vector<std::string> problems;
  const auto attempt = [&](const auto& look) {
    try {
      look();
    } catch (const Error& error) {
      problems.push_back(one_line(error));
    }
  };
  attempt([&] { check_model(settings.model, home); });
  attempt([&] { load_corpus(settings.find.text, home); });
  for (const PerplexitySettings& wanted : settings.perplexity) {
    attempt([&] { load_corpus(wanted.task, home); });
  }
  for (const ZeroShotSettings& wanted : settings.zero_shot) {
    for (const std::string& name : wanted.tasks) {
      attempt([&] { load_task(name, {.limit = wanted.limit, .home = home}); });
    }
  }
  if (!problems.empty()) {
    throw Problems(std::move(problems));
  }
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
