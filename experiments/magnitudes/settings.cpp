// The keys of a magnitudes YAML file.
#include "experiments/magnitudes/settings.h"

namespace ma::experiments {
namespace {

using Arms = std::vector<bool>;

OutlierRule read_outliers(const Yaml& yaml) {
  const OutlierRule rule;
  return {
      .magnitude =
          yaml.get_or<double>("magnitude", rule.magnitude, at_least(0)),
      .layer_share =
          yaml.get_or<double>("layers", rule.layer_share, between(0, 1)),
      .position_share =
          yaml.get_or<double>("positions", rule.position_share, between(0, 1))};
}

/// The key `bos`, or else `find.bos`.
Arms read_arms(const Yaml& config) {
  const auto find = config["find"];
  if (const auto bos = config.find("bos")) {
    if (find.find("bos")) {
      throw bos->error("find.bos says it too; give one of them");
    }
    return config.get_choice<Arms>(
        "bos",
        {{"without", {false}}, {"with", {true}}, {"both", {false, true}}});
  }
  return {find.get_or<bool>("bos", false)};
}

} // namespace

MagnitudesSettings read_magnitudes_settings(const Yaml& config) {
  MagnitudesSettings settings;
  settings.arms = read_arms(config);
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  settings.options = {
      .criterion = settings.find.criterion,
      .outliers = read_outliers(config.section("outlier_features")),
      .detail = config.get_or<bool>("detail", true)};
  settings.surface.prompts = read_prompts(config);
  const auto surface = config.section("surface");
  settings.surface.layers =
      read_layers(surface, "layers", {LayerChoice::Kind::kAuto}, /*lowest=*/-1);
  settings.surface.top = surface.get_or<std::int64_t>(
      "dims_per_token", settings.surface.top, at_least(1));
  return settings;
}

} // namespace ma::experiments
