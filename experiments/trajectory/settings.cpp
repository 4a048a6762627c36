// The keys of a trajectory YAML file.
#include "experiments/trajectory/settings.h"

namespace ma::experiments {

TrajectorySettings read_trajectory_settings(const Yaml& config) {
  TrajectorySettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  settings.prompts = config.get_or<std::vector<std::string>>("prompts", {});
  const auto layer = config.find("layer");
  if (layer && layer->holds<std::int64_t>()) {
    settings.layer = layer->as<std::int64_t>(at_least(0));
  } else {
    config.get_choice_or<bool>("layer", {{"auto", true}}, "auto");
  }
  return settings;
}

} // namespace ma::experiments
