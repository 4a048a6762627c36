// From a name or path to a ready model.
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/checkpoint.h"
#include "libma/io/model_source.h"
#include "libma/models/config_reader.h"
#include "libma/models/model.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

const std::vector<std::pair<std::string, torch::ScalarType>> kDtypes = {
    {"float64", torch::kFloat64},
    {"float32", torch::kFloat32},
    {"bfloat16", torch::kBFloat16},
    {"float16", torch::kFloat16}};

torch::Device parse_device(const std::string& name) {
  if (name == "auto") {
    return at::hasCUDA() ? torch::Device(torch::kCUDA, 0)
                         : torch::Device(torch::kCPU);
  }
  try {
    const torch::Device device(name);
    if (device.is_cuda() && !at::hasCUDA()) {
      throw ConfigError(
          "device",
          c10::str(
              "'",
              name,
              "' asked for, but this torch sees no CUDA; use cpu or auto"));
    }
    return device;
  } catch (const c10::Error&) {
    throw ConfigError(
        "device",
        c10::str("'", name, "' is no device; use auto, cpu or cuda:N"));
  }
}

const ArchitectureFormat& find_format(const Checkpoint& checkpoint) {
  const auto& config = checkpoint.config();
  const std::string where = checkpoint.path().string();
  if (checkpoint.format() == CheckpointFormat::kHuggingFace) {
    return model_registry()
        .get(config_value<std::string>(config, "model_type"), where)
        .hugging_face;
  }
  const auto name = config_value<std::string>(config, "general.architecture");
  const Architecture& architecture = model_registry().get(name, where);
  if (!architecture.gguf) {
    throw ConfigError(
        where,
        c10::str(
            "'", name, "' is not read from GGUF; use its Hugging Face folder"));
  }
  return *architecture.gguf;
}

DecoderConfig read_config(
    const Checkpoint& checkpoint, const ArchitectureFormat& format) {
  DecoderConfig config = format.read_config(checkpoint.config());
  if (checkpoint.format() == CheckpointFormat::kGguf) {
    // GGUF says neither: the vocabulary is the embedding's first dim, and a
    // model without an output head is tied.
    const auto embedding = checkpoint.tensors().find("token_embd.weight");
    config.vocab = embedding == checkpoint.tensors().end()
                       ? 0
                       : embedding->second.shape.front();
    config.has_tied_unembedding =
        !checkpoint.tensors().contains("output.weight");
  }
  config.check(checkpoint.path().string());
  return config;
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
  dtype_name(options.dtype); // throws on an unsupported one
  const auto device = parse_device(options.device);
  const auto checkpoint = open_checkpoint(find_model(
      name_or_path, options.home.empty() ? default_home() : options.home));
  const ArchitectureFormat& format = find_format(*checkpoint);
  const DecoderConfig config = read_config(*checkpoint, format);
  auto hooks = std::make_shared<HookTable>();
  WeightLoader weights(
      *checkpoint, format.layout, config, {options.dtype, device});
  auto network = std::make_unique<Decoder>(config, weights, *hooks);
  weights.finish();
  return {
      std::move(network),
      std::move(hooks),
      torch::TensorOptions().dtype(options.dtype).device(device),
      checkpoint->files()};
}

} // namespace ma
