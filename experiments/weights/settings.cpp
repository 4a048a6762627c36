// The keys of a weights YAML file.
#include "experiments/weights/settings.h"

namespace ma::experiments {
namespace {

SuperWeightOptions read_search(const Yaml& yaml) {
  const SuperWeightOptions defaults;
  return {
      .threshold =
          yaml.get_or<double>("threshold", defaults.threshold, at_least(0)),
      .share = yaml.get_or<double>("share", defaults.share, at_least(0)),
      .max_weights = yaml.get_or<std::int64_t>(
          "max_weights", defaults.max_weights, at_least(1))};
}

} // namespace

WeightsSettings read_weights_settings(const Yaml& config) {
  WeightsSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  const auto search = config.section("search");
  settings.search_sequences =
      search.get_or<std::int64_t>("sequences", 1, at_least(1));
  check_sequences(search, settings.search_sequences, settings.find);
  settings.search = read_search(search);
  const auto contributions = config.section("contributions");
  settings.layer = read_layer(contributions, "layer");
  settings.dim = read_index(contributions, "dim");
  settings.top_neurons =
      contributions.get_or<std::int64_t>("top", 10, at_least(1));
  settings.step_share =
      contributions.get_or<double>("step_share", 0.1, at_least(0));
  const auto spectra = config.section("spectra");
  settings.spectra = read_layers(
      spectra,
      "layers",
      {LayerChoice::Kind::kAuto,
       LayerChoice::Kind::kAll,
       LayerChoice::Kind::kNone});
  settings.top_singular_values =
      spectra.get_or<std::int64_t>("top", 3, at_least(1));
  settings.evaluation = read_evaluation(config);
  return settings;
}

} // namespace ma::experiments
