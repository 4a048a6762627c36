// From a name or path to a ready model.
#include "libma/core/error.h"
#include "libma/models/model.h"
#include "libma/models/plan.h"
#include "libma/models/vision_model.h"

namespace ma {
namespace {

const std::vector<std::pair<std::string, torch::ScalarType>> kDtypes = {
    {"float64", torch::kFloat64},
    {"float32", torch::kFloat32},
    {"bfloat16", torch::kBFloat16},
    {"float16", torch::kFloat16}};

/// The model of a plan.
template <class Loaded, class Network, class Plan>
Loaded load(const Plan& plan) {
  auto hooks = std::make_shared<HookTable>();
  WeightLoader weights(
      *plan.checkpoint,
      plan.format->layout,
      plan.config,
      {.dtype = plan.dtype, .placement = plan.placement});
  auto network = std::make_unique<Network>(plan.config, weights, *hooks);
  weights.finish();
  return {
      std::move(network),
      std::move(hooks),
      torch::TensorOptions().dtype(plan.dtype).device(plan.placement.embed),
      plan.checkpoint->files()};
}

} // namespace

torch::ScalarType parse_dtype(
    const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& [known_name, dtype] : kDtypes) {
    if (known_name == name) {
      return dtype;
    }
    known.push_back(known_name);
  }
  throw UnknownNameError(where, "dtype", name, known);
}

std::string dtype_name(torch::ScalarType dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) {
      return name;
    }
  }
  throw ConfigError(
      "dtype",
      c10::str(
          dtype,
          " is not supported; use float64, float32, bfloat16 or float16"));
}

Model load_model(const std::string& name_or_path, const LoadOptions& options) {
  return load<Model, Decoder>(plan_model(name_or_path, options));
}

VisionModel load_vision_model(
    const std::string& name_or_path, const LoadOptions& options) {
  return load<VisionModel, VisionTransformer>(
      plan_vision_model(name_or_path, options));
}

} // namespace ma
