// The keys of a comparison's YAML file.
#include "experiments/find_massive/settings.h"

#include <filesystem>
#include <set>

namespace ma::experiments {
namespace {

/// "smollm2-135m", and what sets the model apart from the shared defaults:
/// "smollm2-135m bfloat16 with BOS".
std::string default_label(
    const ModelSettings& model, const std::string& shared_dtype, bool bos) {
  auto path = std::filesystem::path(model.name).lexically_normal();
  path = path.has_filename() ? path : path.parent_path(); // a trailing slash
  auto label = path.filename().string();
  if (model.dtype != shared_dtype) {
    label += " " + model.dtype;
  }
  return bos ? label + " with BOS" : label;
}

/// A name, or a map with the details.
ModelRequest read_request(
    const Yaml& yaml, const ModelSettings& shared, const CutOptions& cut) {
  ModelRequest request;
  request.device = shared.device;
  request.cut = cut;
  auto model = shared;
  if (!yaml.is_map()) {
    model.name = yaml.as<std::string>();
    request.label = default_label(model, shared.dtype, cut.add_bos);
  } else {
    model = read_model(yaml, shared);
    request.device = model.device;
    request.cut.add_bos = yaml.get_or<bool>("bos", cut.add_bos);
    request.cut.length =
        yaml.get_or<std::int64_t>("length", cut.length, at_least(1));
    request.label = yaml.get_or<std::string>(
        "label", default_label(model, shared.dtype, request.cut.add_bos));
    if (const auto base = yaml.find("base")) {
      request.base = base->as<std::string>();
    }
  }
  request.name = model.name;
  request.dtype = parse_dtype(model.dtype, yaml.place());
  return request;
}

/// A pair is made with a model above, so that it is measured first.
void require_listed(
    const Yaml& yaml,
    const std::string& base,
    const std::set<std::string>& labels) {
  if (!base.empty() && !labels.contains(base)) {
    throw UnknownNameError(
        yaml["base"].place(),
        "label further up in the list of models",
        base,
        {labels.begin(), labels.end()});
  }
}

} // namespace

FindMassiveSettings read_find_massive_settings(const Yaml& config) {
  FindMassiveSettings settings;
  settings.find = read_find(config["find"]);
  const ModelSettings shared{
      .dtype = config.get_or<std::string>("dtype", "float32"),
      .device = read_device(config, "auto")};
  std::set<std::string> labels;
  for (const Yaml& yaml : config["models"].items()) {
    auto request = read_request(yaml, shared, settings.find.cut);
    require_listed(yaml, request.base, labels);
    if (!labels.insert(request.label).second) {
      throw yaml.error(
          "the label '" + request.label +
          "' is taken; give each model its own with label");
    }
    settings.models.push_back(std::move(request));
  }
  if (settings.models.empty()) {
    throw config["models"].error("is empty; list at least one model");
  }
  return settings;
}

} // namespace ma::experiments
