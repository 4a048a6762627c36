// Opening a checkpoint, understanding it, deciding where its parts go.
#include "libma/models/plan.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/core/table.h"
#include "libma/hooks/token_class.h"
#include "libma/io/model_source.h"
#include "libma/models/config_reader.h"
#include "libma/models/decoder.h"
#include "libma/models/vision_transformer.h"

namespace ma {
namespace {

/// The architecture of a Hugging Face folder. Throws ConfigError unless it has
/// a vision model, or a language model, as `wants_vision` says.
const Architecture& find_architecture(
    const Checkpoint& checkpoint, bool wants_vision) {
  const std::string where = checkpoint.path().string();
  const auto name = architecture_name(checkpoint.config());
  const Architecture& found = model_registry().get(name, where);
  if (wants_vision ? !found.has_vision() : !found.has_language()) {
    throw ConfigError(
        where,
        c10::str(
            "'",
            name,
            wants_vision ? "' is a language model; use load_model"
                         : "' is a vision model; use load_vision_model"));
  }
  return found;
}

const ArchitectureFormat& find_format(const Checkpoint& checkpoint) {
  return checkpoint.format() == CheckpointFormat::kHuggingFace
             ? find_architecture(checkpoint, /*wants_vision=*/false)
                   .hugging_face
             : find_gguf_format(
                   config_value<std::string>(
                       checkpoint.config(), "general.architecture"),
                   checkpoint.path().string());
}

const VisionFormat& find_vision_format(const Checkpoint& checkpoint) {
  if (checkpoint.format() != CheckpointFormat::kHuggingFace) {
    throw ConfigError(
        checkpoint.path().string(),
        "vision models are read from Hugging Face folders");
  }
  return find_architecture(checkpoint, /*wants_vision=*/true).vision;
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
      embedding == tensors.end() || embedding->second.shape.size() != 2
          ? 0
          : embedding->second.shape.front();
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

template <class Config>
Config read_config(
    const Checkpoint& checkpoint, const CheckpointLayout<Config>& format) {
  Config config = format.read_config(checkpoint.config());
  if constexpr (std::is_same_v<Config, DecoderConfig>) {
    if (checkpoint.format() == CheckpointFormat::kGguf) {
      read_gguf_tensors(checkpoint, config);
    }
  }
  if (format.read_tensors != nullptr) {
    format.read_tensors(checkpoint.tensors(), config);
  }
  config.check(checkpoint.path().string());
  return config;
}

/// Adds the tokens that `options` ask for.
void add_test_registers(const LoadOptions& options, VisionConfig& config) {
  const auto most = kMostRegisters - config.n_registers;
  if (options.n_test_registers < 0 || options.n_test_registers > most) {
    throw ConfigError(
        "n_test_registers",
        c10::str("is ", options.n_test_registers, "; give 0 to ", most));
  }
  config.n_registers += options.n_test_registers;
  config.n_test_registers = options.n_test_registers;
}

void add_test_registers(
    const LoadOptions& options, const DecoderConfig& /*config*/) {
  if (options.n_test_registers != 0) {
    throw ConfigError(
        "n_test_registers", "is for vision models; use load_vision_model");
  }
}

/// The parameters that a network asks for. Throws FileError when the
/// checkpoint has other ones.
template <class Network, class Plan>
std::vector<Parameter> list_parameters(const Plan& plan) {
  const auto hooks = std::make_shared<HookTable>();
  WeightLoader loader(
      *plan.checkpoint,
      plan.format->layout,
      plan.config,
      {.dtype = plan.dtype, .placement = plan.placement, .is_plan = true});
  const Network network(plan.config, loader, *hooks);
  loader.finish();
  return loader.parameters();
}

std::int64_t bytes_of(const Parameter& parameter, torch::ScalarType dtype) {
  return parameter.numel() * static_cast<std::int64_t>(c10::elementSize(dtype));
}

PartBytes sum_parts(
    const std::vector<Parameter>& parameters, const LoadPlan& plan) {
  PartBytes parts;
  parts.blocks.resize(plan.placement.blocks.size());
  for (const Parameter& parameter : parameters) {
    const auto bytes = bytes_of(parameter, plan.dtype);
    if (parameter.layer >= 0) {
      parts.blocks[static_cast<std::size_t>(parameter.layer)] += bytes;
    } else if (is_of_head(parameter.ours)) {
      parts.head += bytes;
    } else {
      parts.embed += bytes;
    }
  }
  return parts;
}

Placement choose_placement(const PartBytes& parts, const std::string& device) {
  const auto devices = parse_devices(device);
  if (devices.empty()) {
    return place_automatically(parts);
  }
  std::vector<DeviceShare> shares;
  shares.reserve(devices.size());
  for (const auto& each : devices) {
    shares.push_back({each});
  }
  return spread(parts, shares);
}

/// Entries for the devices in the order in which parts use them.
class DeviceSums {
 public:
  DevicePlan& of(torch::Device device) {
    for (DevicePlan& each : sums) {
      if (each.device == device) {
        return each;
      }
    }
    return sums.emplace_back(DevicePlan{device});
  }

  std::vector<DevicePlan> sums;
};

std::string megabytes(std::int64_t bytes) {
  return format_number(static_cast<double>(bytes) / 1e6) + " MB";
}

void sum_devices(const std::vector<Parameter>& parameters, LoadPlan& plan) {
  DeviceSums sums;
  for (const Parameter& parameter : parameters) {
    const auto bytes = bytes_of(parameter, plan.dtype);
    sums.of(parameter.device).bytes += bytes;
    plan.n_parameters += parameter.is_copy ? 0 : parameter.numel();
    plan.largest_bytes = std::max(plan.largest_bytes, bytes);
  }
  for (const auto& device : plan.placement.blocks) {
    ++sums.of(device).n_blocks;
  }
  plan.devices = std::move(sums.sums);
}

template <class Network, class Plan, class FindFormat>
Plan make_plan(
    const std::string& name_or_path,
    const LoadOptions& options,
    const FindFormat& find) {
  dtype_name(options.dtype); // throws on an unsupported one
  parse_devices(options.device);
  Plan plan;
  plan.dtype = options.dtype;
  plan.checkpoint = open_checkpoint(find_model(
      name_or_path, options.home.empty() ? default_home() : options.home));
  plan.format = &find(*plan.checkpoint);
  plan.config = read_config(*plan.checkpoint, *plan.format);
  add_test_registers(options, plan.config);
  plan.architecture = plan.config.architecture;
  plan.placement = Placement::all(torch::kCPU, plan.config.n_layers);
  plan.placement = choose_placement(
      sum_parts(list_parameters<Network>(plan), plan), options.device);
  sum_devices(list_parameters<Network>(plan), plan);
  return plan;
}

} // namespace

std::int64_t LoadPlan::host_peak_bytes() const {
  std::int64_t bytes = largest_bytes;
  for (const DevicePlan& each : devices) {
    bytes += each.device.is_cpu() ? each.bytes : 0;
  }
  return bytes;
}

std::string LoadPlan::describe() const {
  std::vector<std::string> parts;
  parts.reserve(devices.size());
  for (const DevicePlan& each : devices) {
    parts.push_back(
        c10::str(
            megabytes(each.bytes),
            " on ",
            each.device,
            " (",
            each.n_blocks,
            " blocks)"));
  }
  return c10::str(
      architecture,
      ", ",
      format_count(n_parameters),
      " parameters in ",
      dtype_name(dtype),
      ": ",
      join(parts),
      "; loading takes about ",
      megabytes(host_peak_bytes()),
      " of memory");
}

ModelPlan plan_model(
    const std::string& name_or_path, const LoadOptions& options) {
  return make_plan<Decoder, ModelPlan>(name_or_path, options, find_format);
}

VisionPlan plan_vision_model(
    const std::string& name_or_path, const LoadOptions& options) {
  return make_plan<VisionTransformer, VisionPlan>(
      name_or_path, options, find_vision_format);
}

} // namespace ma
