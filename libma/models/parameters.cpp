// The loader once more, for one parameter.
#include "libma/models/parameters.h"

#include <memory>

#include "libma/core/error.h"
#include "libma/models/decoder.h"

namespace ma {
namespace {

std::string path_of(const Model& model) {
  if (model.files().empty()) {
    throw FileError(
        "parameters",
        "the model was made in memory; load it from files to read its weights");
  }
  const auto& first = model.files().front();
  return (first.extension() == ".gguf" ? first : first.parent_path()).string();
}

std::string full_name(const Parameter& parameter) {
  std::string name = parameter.ours;
  if (const auto hole = name.find("{}"); hole != std::string::npos) {
    name.replace(hole, 2, std::to_string(parameter.layer));
  }
  return name;
}

} // namespace

ParameterReader::ParameterReader(const Model& model)
    : plan_(plan_model(
          path_of(model), {.device = "cpu", .dtype = model.dtype()})) {
  const auto hooks = std::make_shared<HookTable>();
  WeightLoader listing(
      *plan_.checkpoint,
      plan_.format->layout,
      plan_.config,
      {.dtype = plan_.dtype, .placement = plan_.placement, .is_plan = true});
  const Decoder network(plan_.config, listing, *hooks);
  for (const Parameter& parameter : listing.parameters()) {
    const auto name = full_name(parameter);
    if (parameters_.emplace(name, parameter).second) {
      names_.push_back(name);
    }
  }
}

torch::Tensor ParameterReader::read(const std::string& name) const {
  const auto found = parameters_.find(name);
  if (found == parameters_.end()) {
    throw UnknownNameError("parameters", "parameter", name, names_);
  }
  WeightLoader loader(
      *plan_.checkpoint,
      plan_.format->layout,
      plan_.config,
      {.dtype = plan_.dtype, .placement = plan_.placement});
  const Parameter& wanted = found->second;
  const auto taken = loader.take(wanted.ours, wanted.shape, wanted.layer);
  if (!taken.defined()) {
    throw FileError(
        plan_.checkpoint->path().string(),
        "the parameter '" + name +
            "' has changed since the model was loaded; load it again");
  }
  return taken;
}

} // namespace ma
