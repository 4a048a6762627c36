// The keys of the YAML file of an ablation over images.
#include "experiments/image_ablation/settings.h"

#include <set>

#include "experiments/common/unique_names.h"

namespace ma::experiments {
namespace {

ImageTaskSettings read_task(
    const Yaml& yaml, const std::filesystem::path& folder) {
  ImageTaskSettings settings;
  settings.name = yaml.get<std::string>("name");
  settings.images = read_images(yaml, folder);
  for (const Yaml& metric : yaml["metrics"].items()) {
    settings.metrics.push_back(
        parse_image_metric(metric.as<std::string>(), metric.place()));
  }
  if (settings.metrics.empty()) {
    throw yaml["metrics"].error("is empty; name at least one metric");
  }
  settings.has_own_means = yaml.get_or<bool>("own_means", false);
  settings.k = yaml.get_or<std::int64_t>("k", 10, at_least(1));
  const auto head = yaml.get_or<std::string>("head", "");
  settings.head = head.empty() ? std::filesystem::path() : folder / head;
  settings.prompts = yaml.get_or<std::vector<std::string>>("prompts", {});
  if (!head.empty() && !settings.prompts.empty()) {
    throw yaml["prompts"].error("cannot stand beside head; keep one of them");
  }
  return settings;
}

} // namespace

ImageAblationSettings read_image_ablation_settings(const Yaml& config) {
  ImageAblationSettings settings;
  settings.model = read_model(config["model"]);
  const std::filesystem::path folder =
      config.get_or<std::string>("folder", ".");
  const Yaml find = config["find"];
  settings.find = read_images(find, folder);
  settings.criterion.magnitude =
      find.get_or<double>("magnitude", 100, at_least(0.0));
  settings.criterion.ratio = find.get_or<double>("ratio", 1000, at_least(0.0));
  settings.conditions = read_conditions(config, settings.criterion);
  for (ConditionSettings& condition : settings.conditions) {
    std::string& means = condition.register_means;
    if (!means.empty() && means != "measured") {
      means = (folder / means).string();
    }
  }
  std::set<std::string> names;
  for (const Yaml& task : config["evaluate"].items()) {
    settings.tasks.push_back(read_task(task, folder));
    require_new(task, settings.tasks.back().name, names);
  }
  if (settings.tasks.empty()) {
    throw config["evaluate"].error("is empty; list at least one set of images");
  }
  return settings;
}

} // namespace ma::experiments
