// The keys of an image_tokens YAML file.
#include "experiments/image_tokens/settings.h"

#include <optional>
#include <vector>

namespace ma::experiments {
namespace {

using Layers = std::vector<std::int64_t>;

TokenNormOptions read_norms(const Yaml& yaml) {
  const TokenNormOptions defaults;
  return {
      .threshold =
          yaml.get_or<double>("threshold", defaults.threshold, at_least(0)),
      .ratio = yaml.get_or<double>("ratio", defaults.ratio, at_least(0))};
}

/// `all`, `none`, or a list of blocks.
std::optional<Layers> read_layers(const Yaml& yaml) {
  const auto layers = yaml.find("cls_attention");
  if (layers && layers->is_list()) {
    auto listed = layers->as<Layers>(at_least(0));
    if (listed.empty()) {
      throw layers->error("is empty; name blocks (0-based), all or none");
    }
    return listed;
  }
  const bool is_all = yaml.get_choice_or<bool>(
      "cls_attention", {{"all", true}, {"none", false}}, "all");
  return is_all ? std::optional(Layers{}) : std::nullopt;
}

} // namespace

ImageTokensSettings read_image_tokens_settings(const Yaml& config) {
  ImageTokensSettings settings;
  settings.model = read_model(config["model"]);
  settings.images = read_images(config["images"]);
  settings.measure.norms = read_norms(config.section("norms"));
  settings.measure.cls_attention = read_layers(config);
  const auto registers = config.section("registers");
  settings.registers_where_there_are = registers.get_or<bool>("means", true);
  settings.criterion = {
      .magnitude = registers.get_or<double>("magnitude", 100, at_least(0)),
      .ratio = registers.get_or<double>("ratio", 1000, at_least(0))};
  return settings;
}

} // namespace ma::experiments
