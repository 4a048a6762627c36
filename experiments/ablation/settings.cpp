// The keys of an ablation's YAML file.
#include "experiments/ablation/settings.h"

#include <filesystem>
#include <set>

#include "experiments/common/unique_names.h"

namespace ma::experiments {
namespace {

ZeroShotSettings read_zero_shot(const Yaml& yaml) {
  ZeroShotSettings settings;
  settings.tasks = yaml.get<std::vector<std::string>>("tasks");
  if (settings.tasks.empty()) {
    throw yaml["tasks"].error("is empty; name at least one task");
  }
  settings.profile = parse_bos_profile(
      yaml.get_or<std::string>("profile", "lm-eval-current"), yaml.place());
  settings.limit = yaml.get_or<std::optional<std::int64_t>>(
                           "limit", std::nullopt, at_least(1))
                       .value_or(0);
  return settings;
}

/// `zero_shot`: one map, or a list of them with different limits.
std::vector<ZeroShotSettings> read_zero_shots(const Yaml& evaluate) {
  std::vector<ZeroShotSettings> settings;
  const auto yaml = evaluate.find("zero_shot");
  if (yaml && yaml->is_list()) {
    for (const Yaml& item : yaml->items()) {
      settings.push_back(read_zero_shot(item));
    }
  } else if (yaml) {
    settings.push_back(read_zero_shot(*yaml));
  }
  return settings;
}

} // namespace

AblationSettings read_ablation_settings(const Yaml& config) {
  AblationSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  settings.conditions = read_conditions(config, settings.find.criterion);
  for (const ConditionSettings& condition : settings.conditions) {
    if (!condition.register_means.empty()) {
      throw config["conditions"].error(
          "fix_registers is for vision models; use image_ablation");
    }
  }
  const Yaml evaluate = config["evaluate"];
  settings.evaluation = read_evaluation(config, /*needs_texts=*/false);
  std::set<std::string> columns;
  for (const PerplexitySettings& text : settings.evaluation.perplexity) {
    columns.insert(text.name);
  }
  settings.evaluation.divergence = evaluate.get_or<bool>("divergence", false);
  if (settings.evaluation.divergence &&
      settings.evaluation.perplexity.empty()) {
    throw evaluate["divergence"].error(
        "compares predictions on texts; give perplexity too");
  }
  settings.zero_shot = read_zero_shots(evaluate);
  for (const ZeroShotSettings& group : settings.zero_shot) {
    for (const std::string& task : group.tasks) {
      require_new(
          evaluate["zero_shot"],
          std::filesystem::path(task).stem().string(),
          columns);
    }
  }
  if (columns.empty()) {
    throw evaluate.error(
        "has nothing to evaluate; give perplexity or zero_shot");
  }
  return settings;
}

} // namespace ma::experiments
