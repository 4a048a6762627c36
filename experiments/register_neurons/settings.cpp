// The keys of a register_neurons YAML file.
#include "experiments/register_neurons/settings.h"

#include <string>
#include <vector>

namespace ma::experiments {
namespace {

RegisterNeuronOptions read_find(const Yaml& outliers, const Yaml& neurons) {
  RegisterNeuronOptions options;
  if (const auto threshold = outliers.find("threshold")) {
    options.outliers.threshold = threshold->as<double>(at_least(0));
    if (const auto ratio = outliers.find("ratio")) {
      throw ratio->error("says nothing beside threshold; keep one of them");
    }
  }
  options.outliers.ratio =
      outliers.get_or<double>("ratio", options.outliers.ratio, at_least(0));
  options.detect_layer =
      outliers.get_or<std::int64_t>("layer", options.detect_layer);
  if (const auto highest = neurons.find("highest_layer")) {
    options.highest_layer = highest->as<std::int64_t>();
  }
  options.top_k =
      neurons.get_or<std::int64_t>("top_k", options.top_k, at_least(1));
  return options;
}

TestTimeRegisterOptions read_shift(const Yaml& yaml) {
  TestTimeRegisterOptions options;
  options.others = yaml.get_or<std::string>("others", options.others);
  options.keep = yaml.get_or<std::vector<std::string>>("keep", {});
  // throws where there is no such choice, long before it is needed
  make_intervention(
      "shift_neurons",
      {.site = "blocks.*.mlp.post",
       .select = Selection::at({}, {0}),
       .to = {0},
       .others = options.others});
  return options;
}

} // namespace

RegisterNeuronsSettings read_register_neurons_settings(const Yaml& config) {
  RegisterNeuronsSettings settings;
  settings.model = read_model(config["model"]);
  settings.images = read_images(config["images"]);
  settings.find =
      read_find(config.section("outliers"), config.section("neurons"));
  const auto registers = config.section("registers");
  settings.n_test_registers =
      registers.get_or<std::int64_t>("count", 1, at_least(1));
  settings.shift = read_shift(registers);
  return settings;
}

} // namespace ma::experiments
