// A checkpoint in memory whose tensors are drawn from the architecture's own
// weight table.
#include "tests/tiny_model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>

#include "libma/core/error.h"
#include "libma/models/registry.h"

namespace ma::testing {
namespace {

using nlohmann::json;
using Shape = std::vector<std::int64_t>;

const json& tiny_configs() {
  static const json configs = [] {
    std::ifstream file(LIBMA_SOURCE_DIR "/tests/tiny_configs.json");
    return json::parse(file);
  }();
  return configs;
}

std::string filled(
    std::string name, std::string_view hole, std::int64_t index) {
  const auto at = name.find(hole);
  return at == std::string::npos
             ? name
             : name.replace(at, hole.size(), std::to_string(index));
}

class MemoryCheckpoint : public Checkpoint {
 public:
  explicit MemoryCheckpoint(json config) : config_(std::move(config)) {}

  void add(const std::string& name, torch::Tensor tensor) {
    const Shape shape = tensor.sizes().vec();
    const auto bytes = static_cast<std::uint64_t>(tensor.nbytes());
    infos_[name] = {"F32", shape, bytes};
    tensors_[name] = std::move(tensor);
  }

  CheckpointFormat format() const override {
    return CheckpointFormat::kHuggingFace;
  }
  const std::filesystem::path& path() const override { return path_; }
  const json& config() const override { return config_; }
  const std::map<std::string, TensorInfo>& tensors() const override {
    return infos_;
  }
  torch::Tensor load(
      const std::string& name, torch::ScalarType dtype) const override {
    return tensors_.at(name).to(dtype, /*non_blocking=*/false, /*copy=*/true);
  }
  std::vector<std::filesystem::path> files() const override { return {}; }

 private:
  json config_;
  std::filesystem::path path_ = "memory";
  std::map<std::string, TensorInfo> infos_;
  std::map<std::string, torch::Tensor> tensors_;
};

/// How many stored tensors a name with {each} stands for.
std::int64_t count_each(const DecoderConfig& c, const std::string& ours) {
  if (ours.find("experts") != std::string::npos) {
    return c.n_experts;
  }
  return ours.find("q_norm") != std::string::npos ? c.n_heads : c.n_kv_heads;
}

/// The stored tensors of a parameter, and the rows of each.
struct Stored {
  const StoredName* entry;
  std::string name;
  std::int64_t rows;
};

std::vector<Stored> stored_tensors(
    const DecoderConfig& c, const WeightEntry& entry, const Parameter& whole) {
  std::vector<Stored> stored;
  const auto rows = whole.shape.front();
  const auto parts = static_cast<std::int64_t>(entry.theirs.size());
  const bool is_qkv =
      parts == 3 && entry.ours.find(".qkv.") != std::string::npos;
  const auto d_kv = c.n_kv_heads * c.d_head;
  for (const StoredName& their : entry.theirs) {
    const auto name = filled(their.name, "{}", whole.layer);
    if (name.find("{each}") == std::string::npos) {
      const bool is_q = stored.empty();
      const auto qkv_rows = is_q ? c.n_heads * c.d_head : d_kv;
      stored.push_back({&their, name, is_qkv ? qkv_rows : rows / parts});
      continue;
    }
    const auto count = count_each(c, entry.ours);
    for (std::int64_t i = 0; i < count; ++i) {
      stored.push_back({&their, filled(name, "{each}", i), rows / count});
    }
  }
  return stored;
}

/// Norm gains near 1, matrices that keep the size of what they map, small
/// biases.
torch::Tensor draw(
    const std::string& name, const Shape& shape, const at::Generator& random) {
  const auto normal = at::randn(shape, random, torch::kFloat32);
  if (shape.size() == 1) {
    return name.ends_with(".weight") ? 1 + normal * 0.2 : normal * 0.2;
  }
  const bool is_embedding = name.find("embed") != std::string::npos;
  return is_embedding ? normal * 0.7
                      : normal / std::sqrt(static_cast<double>(shape[1]));
}

void fill(
    MemoryCheckpoint& checkpoint,
    const WeightMap& map,
    const DecoderConfig& c,
    const std::vector<Parameter>& parameters,
    at::Generator random) {
  for (const Parameter& whole : parameters) {
    const auto entry =
        std::find_if(map.begin(), map.end(), [&](const WeightEntry& each) {
          return each.ours == whole.ours;
        });
    for (const Stored& part : stored_tensors(c, *entry, whole)) {
      Shape shape = whole.shape;
      shape.front() = part.rows;
      const auto values = draw(whole.ours, shape, random);
      const bool is_transposed = part.entry->transform == transposed;
      checkpoint.add(
          part.name, is_transposed ? values.t().contiguous() : values);
    }
  }
}

/// The parameters that a model of `sizes` asks for.
std::vector<Parameter> list_parameters(
    const Checkpoint& checkpoint,
    const WeightLayout& layout,
    const DecoderConfig& sizes) {
  const auto hooks = std::make_shared<HookTable>();
  WeightLoader plan(
      checkpoint,
      layout,
      sizes,
      {.placement = Placement::all(torch::kCPU, sizes.n_layers),
       .is_plan = true});
  const Decoder network(sizes, plan, *hooks);
  return plan.parameters();
}

} // namespace

json tiny_config(const std::string& architecture) {
  for (const json& config : tiny_configs()) {
    if (config.at("model_type") == architecture) {
      return config;
    }
  }
  throw UnknownNameError(
      "tests/tiny_configs.json", "tiny configuration", architecture, {});
}

std::vector<std::string> architectures() {
  auto names = model_registry().names();
  std::erase_if(names, [](const std::string& name) {
    return model_registry().get(name, "tiny models").has_vision();
  });
  return names;
}

Model make_tiny_model(const json& config, const TinyOptions& options) {
  const ArchitectureFormat& format =
      model_registry()
          .get(config.at("model_type").get<std::string>(), "tiny model")
          .hugging_face;
  const DecoderConfig sizes = format.read_config(config);
  sizes.check("tiny model");
  MemoryCheckpoint checkpoint(config);
  fill(
      checkpoint,
      format.layout.map,
      sizes,
      list_parameters(checkpoint, format.layout, sizes),
      at::detail::createCPUGenerator(options.seed));
  auto hooks = std::make_shared<HookTable>();
  WeightLoader weights(
      checkpoint,
      format.layout,
      sizes,
      {.dtype = options.dtype,
       .placement = Placement::all(options.device, sizes.n_layers)});
  auto network = std::make_unique<Decoder>(sizes, weights, *hooks);
  weights.finish();
  return {
      std::move(network),
      std::move(hooks),
      torch::TensorOptions().dtype(options.dtype).device(options.device),
      {}};
}

torch::Tensor random_ids(
    std::int64_t batch, std::int64_t pos, std::uint64_t seed) {
  return at::randint(
      61, {batch, pos}, at::detail::createCPUGenerator(seed), torch::kInt64);
}

} // namespace ma::testing
