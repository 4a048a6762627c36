// Ablation of vision models (Sun et al. 2024, Table 4): find the massive
// activations over images, edit them, measure what the edit costs.
#include "libma/eval/image_ablation.h"

#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "experiments/common/conditions.h"
#include "experiments/common/experiment.h"
#include "experiments/image_ablation/settings.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/massive_tables.h"
#include "libma/core/log.h"
#include "libma/eval/find_image_massive.h"
#include "libma/eval/measure_tokens.h"
#include "libma/eval/register_means_file.h"
#include "libma/models/token_roles.h"
#include "libma/nn/linear.h"

namespace ma::experiments {
namespace {

constexpr std::string_view kMeasured = "measured"; // register means

std::vector<ImageTask> open_tasks(
    const ImageAblationSettings& settings,
    const VisionModel& model,
    const std::filesystem::path& home) {
  std::optional<Model> text_model;
  std::vector<ImageTask> tasks;
  for (const ImageTaskSettings& wanted : settings.tasks) {
    tasks.push_back(
        {.name = wanted.name,
         .source = open_images(wanted.images, settings.model.name, home),
         .metrics = wanted.metrics,
         .k = wanted.k});
    if (!wanted.head.empty()) {
      tasks.back().head = read_linear_head(wanted.head, model.config());
    }
    if (!wanted.prompts.empty()) {
      if (!text_model) { // the other tower of the same folder
        text_model = load_model(
            settings.model.name,
            {.device = settings.model.device,
             .dtype = model.dtype(),
             .home = home});
      }
      tasks.back().head = make_prompt_head(
          *text_model,
          tasks.back().source.set.classes(),
          wanted.prompts,
          model.config());
    }
  }
  return tasks;
}

/// Positions of tokens in the images that the recipe of `source` makes.
PositionOfRole positions_in(
    const VisionModel& model, const ImageSource& source) {
  const auto size = output_size(source.recipe);
  const auto grid = size ? model.config().grid_of(size->height, size->width)
                         : nn::PatchGrid{}; // the loader refuses such a recipe
  return [config = model.config(), grid](
             const std::string& role, std::string_view where) {
    return token_position(config, grid, role, where);
  };
}

/// What decides the results beside the config.
nlohmann::json inputs_of(
    const VisionModel& model,
    const ImageSource& found_on,
    const ImageAblationSettings& settings,
    const std::vector<ImageTask>& tasks) {
  std::map<std::string, std::string> images = {{"find", hash_images(found_on)}};
  std::vector<std::filesystem::path> files; // heads and register means
  for (const ConditionSettings& condition : settings.conditions) {
    if (!condition.register_means.empty() &&
        condition.register_means != kMeasured) {
      files.emplace_back(condition.register_means);
    }
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    images["evaluate " + tasks[i].name] = hash_images(tasks[i].source);
    if (!settings.tasks[i].head.empty()) {
      files.push_back(settings.tasks[i].head);
    }
  }
  return {
      {"model", hash_files(model.files())},
      {"images", images},
      {"files", hash_files(files)},
      {"products", nn::product_library()},
      {"device", model.devices()}};
}

MassiveProfile find(
    const VisionModel& model,
    const ImageSource& source,
    const ImageAblationSettings& settings,
    const Run& run) {
  auto found = find_massive(
      model,
      source,
      {.magnitude = settings.criterion.magnitude,
       .ratio = settings.criterion.ratio,
       .progress = run.progress()});
  log_left_out("find", found.images);
  log_found(found.profile);
  return std::move(found.profile);
}

/// Means of registers by what conditions ask for: files are read at once,
/// "measured" is filled in later.
using RegisterMeansByName = std::map<std::string, RegisterMeans>;

RegisterMeansByName load_register_means(
    const ImageAblationSettings& settings, const VisionModel& model) {
  RegisterMeansByName means;
  for (const ConditionSettings& condition : settings.conditions) {
    const std::string& wanted = condition.register_means;
    if (!wanted.empty() && model.config().n_registers == 0) {
      throw ConfigError(
          "condition " + condition.name,
          "fix_registers: the model has no registers");
    }
    if (!wanted.empty() && wanted != kMeasured) {
      means.emplace(wanted, ma::load_register_means(wanted));
      fix_registers(model.config(), means.at(wanted)); // throws on other sizes
    }
  }
  return means;
}

RegisterMeans measure_register_means(
    const VisionModel& model, const ImageSource& source, const Run& run) {
  TokenMeter meter(model, {.register_means = true});
  for_each_batch(
      source,
      "measure register means",
      run.progress(),
      [&](const TokenBatch& batch, const torch::Tensor& /*labels*/) {
        meter.observe(batch.pixels);
      });
  const auto means = meter.finish().register_means;
  TORCH_INTERNAL_ASSERT(means.has_value());
  return *means;
}

/// Fixes registers in the conditions that ask for it; what is measured joins
/// `means`.
void add_fixed_registers(
    const ImageAblationSettings& settings,
    RegisterMeansByName& means,
    const VisionModel& model,
    const std::function<RegisterMeans()>& measure,
    std::vector<Condition>& conditions) {
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const std::string& wanted = settings.conditions[i].register_means;
    if (wanted.empty()) {
      continue;
    }
    if (!means.contains(wanted)) {
      means.emplace(wanted, measure());
    }
    conditions[i].edits = {fix_registers(model.config(), means.at(wanted))};
  }
}

/// Conditions for the images of a source, from what was found.
using MakeConditions = std::function<std::vector<Condition>(
    const MassiveProfile& profile, const ImageSource& source)>;

/// The profile with the means of a task's own images where it asks for them.
MassiveProfile profile_for(
    const ImageTaskSettings& wanted,
    const ImageTask& task,
    const VisionModel& model,
    const MassiveProfile& profile,
    const Run& run) {
  MassiveProfile own = profile;
  if (wanted.has_own_means) {
    const auto found =
        find_massive(model, task.source, {.progress = run.progress()});
    own.means = found.profile.means;
    own.hit_means = found.profile.hit_means;
  }
  return own;
}

/// Each task measured now, or by an earlier run.
std::vector<ImageTaskResult> measure(
    const ImageAblationSettings& settings,
    const VisionModel& model,
    const std::vector<ImageTask>& tasks,
    const MassiveProfile& profile,
    const MakeConditions& make,
    JsonlJournal& journal,
    const Run& run) {
  std::map<std::string, ImageTaskResult> finished;
  for (const auto& line : journal.recovered()) {
    auto result = image_task_result_from_json(line);
    finished.insert_or_assign(result.task, std::move(result));
  }
  std::vector<ImageTaskResult> results;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const ImageTask& task = tasks[i];
    if (finished.contains(task.name)) {
      log::info(task.name + ": measured by an earlier run");
      results.push_back(finished.at(task.name));
    } else {
      const auto conditions = make(
          profile_for(settings.tasks[i], task, model, profile, run),
          task.source);
      results.push_back(
          evaluate_images(model, conditions, task, run.progress()));
      journal.append(to_json(results.back()));
    }
    log_left_out(task.name, results.back().images);
  }
  return results;
}

/// What each condition does, in words.
nlohmann::json describe_edits(const std::vector<Condition>& conditions) {
  auto edits = nlohmann::json::object();
  for (const Condition& condition : conditions) {
    auto& described = edits[condition.name] = nlohmann::json::array();
    for (const Intervention& edit : condition.edits) {
      described.push_back(edit.site() + ": " + describe(edit.options().select));
    }
  }
  return edits;
}

void ablate_images(const ImageAblationSettings& settings, Run& run) {
  const VisionModel model = load_vision_model(settings.model, run);
  check_sites(settings.conditions, model);
  auto means = load_register_means(settings, model);
  const ImageSource found_on =
      open_images(settings.find, settings.model.name, run.home());
  const auto tasks = open_tasks(settings, model, run.home());
  for (const ImageTask& task : tasks) {
    check_tokens(settings.conditions, positions_in(model, task.source));
  }
  const auto inputs = inputs_of(model, found_on, settings, tasks);
  auto journal = run.open_journal(inputs);
  const MassiveProfile profile = find(model, found_on, settings, run);
  const MakeConditions make = [&](const MassiveProfile& found,
                                  const ImageSource& source) {
    auto conditions = make_conditions(
        settings.conditions, found, positions_in(model, source));
    add_fixed_registers(
        settings,
        means,
        model,
        [&] { return measure_register_means(model, found_on, run); },
        conditions);
    return conditions;
  };
  const auto results =
      measure(settings, model, tasks, profile, make, journal, run);

  auto described = nlohmann::json::array();
  std::vector<Condition> conditions; // those of all tasks have the same names
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    conditions = make(profile, tasks[i].source);
    described.push_back(to_json(results[i]));
    described.back()["edits"] = describe_edits(conditions);
  }
  const Table table = image_table(conditions, results);
  run.write_table(sites_table(profile), "sites");
  run.write("layers.csv", layers_table(profile).to_csv());
  run.write_table(table);
  auto findings = findings_of(model);
  findings.metrics = metrics_of(table);
  findings.details = {{"images", inputs["images"]}, {"tasks", described}};
  run.write_record(findings);
}

/// Throws Problems when the model, its blocks or images are not there.
void check_inputs(
    const ImageAblationSettings& settings, const std::filesystem::path& home) {
  std::vector<ImagesSettings> images = {settings.find};
  for (const ImageTaskSettings& task : settings.tasks) {
    images.push_back(task.images);
  }
  check_vision_model(
      settings.model, images, home, [&](const VisionConfig& config) {
        check_blocks(settings.conditions, config.n_layers);
      });
}

} // namespace

int run_image_ablation(const std::vector<std::string>& args) {
  return run_experiment(
      "image_ablation",
      "What editing the massive activations of a vision model costs",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_image_ablation_settings(config);
        return {
            .work = [=](Run& run) { ablate_images(settings, run); },
            .check = [=](const auto& home) { check_inputs(settings, home); }};
      });
}

} // namespace ma::experiments
