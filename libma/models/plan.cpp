// Opening a checkpoint, understanding it, deciding where its parts go.
#include "libma/models/plan.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/core/table.h"
#include "libma/io/model_source.h"
#include "libma/models/config_reader.h"
#include "libma/models/decoder.h"

namespace ma {
namespace {

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

/// The parameters that a model asks for. Throws FileError when the checkpoint
/// has other ones.
std::vector<Parameter> list_parameters(const ModelPlan& plan) {
  const auto hooks = std::make_shared<HookTable>();
  WeightLoader loader(
      *plan.checkpoint,
      plan.format->layout,
      plan.config,
      {.dtype = plan.dtype, .placement = plan.placement, .is_plan = true});
  const Decoder network(plan.config, loader, *hooks);
  loader.finish();
  return loader.parameters();
}

std::int64_t bytes_of(const Parameter& parameter, torch::ScalarType dtype) {
  return parameter.numel() * static_cast<std::int64_t>(c10::elementSize(dtype));
}

PartBytes sum_parts(
    const std::vector<Parameter>& parameters, const ModelPlan& plan) {
  PartBytes parts;
  parts.blocks.resize(static_cast<std::size_t>(plan.config.n_layers));
  for (const Parameter& parameter : parameters) {
    const auto bytes = bytes_of(parameter, plan.dtype);
    if (parameter.layer >= 0) {
      parts.blocks[static_cast<std::size_t>(parameter.layer)] += bytes;
    } else if (
        parameter.ours.starts_with("ln_final.") ||
        parameter.ours.starts_with("unembed.")) {
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

} // namespace

std::int64_t ModelPlan::host_peak_bytes() const {
  std::int64_t bytes = largest_bytes;
  for (const DevicePlan& each : devices) {
    bytes += each.device.is_cpu() ? each.bytes : 0;
  }
  return bytes;
}

std::string ModelPlan::describe() const {
  std::vector<std::string> parts;
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
      config.architecture,
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
  dtype_name(options.dtype); // throws on an unsupported one
  parse_devices(options.device);
  ModelPlan plan;
  plan.dtype = options.dtype;
  plan.checkpoint = open_checkpoint(find_model(
      name_or_path, options.home.empty() ? default_home() : options.home));
  plan.format = &find_format(*plan.checkpoint);
  plan.config = read_config(*plan.checkpoint, *plan.format);
  plan.placement = Placement::all(torch::kCPU, plan.config.n_layers);
  plan.placement =
      choose_placement(sum_parts(list_parameters(plan), plan), options.device);

  DeviceSums sums;
  for (const Parameter& parameter : list_parameters(plan)) {
    const auto bytes = bytes_of(parameter, plan.dtype);
    sums.of(parameter.device).bytes += bytes;
    plan.n_parameters += parameter.is_copy ? 0 : parameter.numel();
    plan.largest_bytes = std::max(plan.largest_bytes, bytes);
  }
  for (const auto& device : plan.placement.blocks) {
    ++sums.of(device).n_blocks;
  }
  plan.devices = std::move(sums.sums);
  return plan;
}

} // namespace ma
