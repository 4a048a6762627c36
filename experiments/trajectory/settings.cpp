// The keys of a trajectory YAML file.
#include "experiments/trajectory/settings.h"

namespace ma::experiments {

TrajectorySettings read_trajectory_settings(const Yaml& config) {
  TrajectorySettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  settings.prompts = read_prompts(config);
  settings.layer = read_layer(config, "layer");
  return settings;
}

} // namespace ma::experiments
