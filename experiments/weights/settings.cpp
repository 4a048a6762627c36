// The keys of a weights YAML file.
#include "experiments/weights/settings.h"

#include <set>
#include <string>

#include "experiments/common/condition_settings.h"

namespace ma::experiments {
namespace {

using Layers = std::vector<std::int64_t>;

/// A block (0-based) or dim, or `auto`.
std::optional<std::int64_t> read_index(
    const Yaml& yaml, const std::string& key) {
  const auto index = yaml.find(key);
  if (index && index->holds<std::int64_t>()) {
    return index->as<std::int64_t>(at_least(0));
  }
  if (yaml.get_or<std::string>(key, "auto") != "auto") {
    throw index->error("expected a number from 0, or auto");
  }
  return std::nullopt;
}

SuperWeightOptions read_search(const Yaml& yaml) {
  const SuperWeightOptions defaults;
  return {
      .threshold =
          yaml.get_or<double>("threshold", defaults.threshold, at_least(0)),
      .share = yaml.get_or<double>("share", defaults.share, at_least(0)),
      .max_weights = yaml.get_or<std::int64_t>(
          "max_weights", defaults.max_weights, at_least(1))};
}

/// `auto`, `all`, `none`, or a list of blocks.
void read_spectra(const Yaml& yaml, WeightsSettings& settings) {
  const auto layers = yaml.find("layers");
  settings.has_spectra = true;
  if (layers && layers->is_list()) {
    settings.spectra_layers = layers->as<Layers>(at_least(0));
    if (settings.spectra_layers->empty()) {
      throw layers->error("is empty; name blocks (0-based), auto, all or none");
    }
  } else {
    enum class Kind { kAuto, kAll, kNone };
    const auto kind = yaml.get_choice_or<Kind>(
        "layers",
        {{"auto", Kind::kAuto}, {"all", Kind::kAll}, {"none", Kind::kNone}},
        "auto");
    settings.has_spectra = kind != Kind::kNone;
    if (kind == Kind::kAll) {
      settings.spectra_layers = Layers();
    }
  }
  settings.top_singular_values =
      yaml.get_or<std::int64_t>("top", 3, at_least(1));
}

} // namespace

WeightsSettings read_weights_settings(const Yaml& config) {
  WeightsSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  const auto search = config.section("search");
  settings.search_sequences =
      search.get_or<std::int64_t>("sequences", 1, at_least(1));
  settings.search = read_search(search);
  const auto contributions = config.section("contributions");
  settings.layer = read_index(contributions, "layer");
  settings.dim = read_index(contributions, "dim");
  settings.top_neurons =
      contributions.get_or<std::int64_t>("top", 10, at_least(1));
  settings.step_share =
      contributions.get_or<double>("step_share", 0.1, at_least(0));
  read_spectra(config.section("spectra"), settings);
  std::set<std::string> columns;
  if (const auto evaluate = config.find("evaluate")) {
    for (const Yaml& task : (*evaluate)["perplexity"].items()) {
      settings.perplexity.push_back(read_perplexity(task));
      require_new(task, settings.perplexity.back().name, columns);
    }
  }
  settings.tokens_per_pass =
      config.get_or<std::int64_t>("tokens_per_pass", 0, at_least(0));
  return settings;
}

} // namespace ma::experiments
