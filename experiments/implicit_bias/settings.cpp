// The keys of an implicit_bias YAML file.
#include "experiments/implicit_bias/settings.h"

#include <c10/util/StringUtil.h>

namespace ma::experiments {
namespace {

void read_replace(const Yaml& yaml, ImplicitBiasSettings& settings) {
  settings.first_layer = read_layer(yaml, "first_layer");
  settings.last_layer = read_layer(yaml, "last_layer");
  const auto first = settings.first_layer.single();
  const auto last = settings.last_layer.single();
  if (first && last && *first > *last) {
    throw yaml["first_layer"].error(
        c10::str(*first, " is behind last_layer ", *last, "; swap them"));
  }
}

} // namespace

ImplicitBiasSettings read_implicit_bias_settings(const Yaml& config) {
  ImplicitBiasSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  const auto bias = config.section("bias");
  settings.bias.bias.null_sets = bias.get_or<std::int64_t>(
      "null_sets", ImplicitBiasOptions{}.null_sets, at_least(0));
  settings.bias.tokens_per_pass = bias.get_or<std::int64_t>(
      "tokens_per_pass", ImplicitBiasPass{}.tokens_per_pass, at_least(1));
  read_replace(config.section("replace"), settings);
  settings.evaluation = read_evaluation(config);
  settings.prompts = read_prompts(config);
  return settings;
}

} // namespace ma::experiments
