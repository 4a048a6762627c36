// The keys of a trajectory YAML file.
#include "experiments/trajectory/settings.h"

#include "experiments/common/layer_settings.h"

namespace ma::experiments {

TrajectorySettings read_trajectory_settings(const Yaml& config) {
  TrajectorySettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  settings.prompts = read_prompts(config);
  settings.layer = read_index(config, "layer");
  return settings;
}

} // namespace ma::experiments
