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
  return find_gguf_format(
      config_value<std::string>(config, "general.architecture"), where);
}

/// The values of a small tensor; empty when there is none.
std::vector<double> stored_numbers(
    const Checkpoint& checkpoint, const std::string& name) {
  if (!checkpoint.tensors().contains(name)) {
    return {};
  }
  const auto values =
      checkpoint.load(name, torch::kFloat64).flatten().contiguous();
  const auto* first = values.const_data_ptr<double>();
  return {first, first + values.numel()};
}

/// What GGUF says by its tensors alone: the vocabulary is the embedding's first
/// dim, a model without an output head is tied, rotary factors are tensors, and
/// biases and norms of q and k are there or not.
void read_gguf_tensors(const Checkpoint& checkpoint, DecoderConfig& config) {
  const auto& tensors = checkpoint.tensors();
  const auto embedding = tensors.find("token_embd.weight");
  config.vocab =
      embedding == tensors.end() ? 0 : embedding->second.shape.front();
  config.has_tied_unembedding = !tensors.contains("output.weight");
  config.has_unembed_bias = tensors.contains("output.bias");
  const auto has = [&](const char* name) { return tensors.contains(name); };
  config.has_qkv_bias = has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
  config.has_attn_out_bias = has("blk.0.attn_output.bias");
  config.has_mlp_bias = has("blk.0.ffn_down.bias");
  if (!has("blk.0.attn_q_norm.weight")) {
    config.qk_norm = nn::QkNorm::kNone;
  }
  config.rope.divisors = stored_numbers(checkpoint, "rope_freqs.weight");
  config.rope.long_factor =
      stored_numbers(checkpoint, "rope_factors_long.weight");
  config.rope.short_factor =
      stored_numbers(checkpoint, "rope_factors_short.weight");
  if (!config.rope.long_factor.empty()) {
    config.rope.scaling = nn::RopeScaling::kLongRope;
  }
}

DecoderConfig read_config(
    const Checkpoint& checkpoint, const ArchitectureFormat& format) {
  DecoderConfig config = format.read_config(checkpoint.config());
  if (checkpoint.format() == CheckpointFormat::kGguf) {
    read_gguf_tensors(checkpoint, config);
  }
  if (format.read_tensors != nullptr) {
    format.read_tensors(checkpoint.tensors(), config);
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
      *checkpoint,
      format.layout,
      config,
      {.dtype = options.dtype,
       .placement = Placement::all(device, config.n_layers)});
  auto network = std::make_unique<Decoder>(config, weights, *hooks);
  weights.finish();
  return {
      std::move(network),
      std::move(hooks),
      torch::TensorOptions().dtype(options.dtype).device(device),
      checkpoint->files()};
}

} // namespace ma
