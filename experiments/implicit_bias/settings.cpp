// The keys of an implicit_bias YAML file.
#include "experiments/implicit_bias/settings.h"

#include "experiments/common/layer_settings.h"

namespace ma::experiments {

ImplicitBiasSettings read_implicit_bias_settings(const Yaml& config) {
  ImplicitBiasSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  const auto bias = config.section("bias");
  settings.bias.bias.null_sets = bias.get_or<std::int64_t>(
      "null_sets", ImplicitBiasOptions{}.null_sets, at_least(0));
  settings.bias.tokens_per_pass = bias.get_or<std::int64_t>(
      "tokens_per_pass", ImplicitBiasPass{}.tokens_per_pass, at_least(1));
  const auto replace = config.section("replace");
  settings.first_layer = read_index(replace, "first_layer");
  settings.last_layer = read_index(replace, "last_layer");
  settings.evaluation = read_evaluation(config);
  settings.prompts = read_prompts(config);
  return settings;
}

} // namespace ma::experiments
