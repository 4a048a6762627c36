// A checkpoint in memory whose tensors are drawn from the architecture's own
// weight table.
#include "tests/tiny_model.h"

#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>

#include "libma/core/error.h"
#include "libma/models/registry.h"

namespace ma::testing {
namespace {

using nlohmann::json;
using Shape = std::vector<std::int64_t>;

const std::map<std::string, json>& tiny_configs() {
  static const std::map<std::string, json> configs = {
      {"gpt2",
       {{"model_type", "gpt2"},
        {"n_layer", 4},
        {"n_embd", 32},
        {"n_head", 4},
        {"vocab_size", 61},
        {"n_positions", 64}}},
      {"llama",
       {{"model_type", "llama"},
        {"num_hidden_layers", 4},
        {"hidden_size", 32},
        {"num_attention_heads", 4},
        {"num_key_value_heads", 2},
        {"intermediate_size", 48},
        {"vocab_size", 61},
        {"max_position_embeddings", 64}}},
  };
  return configs;
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

/// Shapes of our parameters by the name without the block; a parameter that the
/// configuration leaves out is absent.
std::map<std::string, Shape> parameter_shapes(const DecoderConfig& c) {
  const auto d_q = c.n_heads * c.d_head;
  const auto d_qkv = d_q + 2 * c.n_kv_heads * c.d_head;
  const auto d_up = c.has_gated_mlp ? 2 * c.d_mlp : c.d_mlp;
  std::map<std::string, Shape> shapes = {
      {"embed.weight", {c.vocab, c.d_model}},
      {"ln1.weight", {c.d_model}},
      {"attn.qkv.weight", {d_qkv, c.d_model}},
      {"attn.out.weight", {c.d_model, d_q}},
      {"ln2.weight", {c.d_model}},
      {"mlp.up.weight", {d_up, c.d_model}},
      {"mlp.down.weight", {c.d_model, c.d_mlp}},
      {"ln_final.weight", {c.d_model}},
  };
  const auto add_if = [&](bool exists, const char* name, Shape shape) {
    if (exists) {
      shapes[name] = std::move(shape);
    }
  };
  add_if(
      c.has_learned_positions,
      "pos_embed.weight",
      {c.max_positions, c.d_model});
  add_if(!c.has_tied_unembedding, "unembed.weight", {c.vocab, c.d_model});
  for (const char* norm : {"ln1.bias", "ln2.bias", "ln_final.bias"}) {
    add_if(c.has_norm_bias, norm, {c.d_model});
  }
  add_if(c.has_qkv_bias, "attn.qkv.bias", {d_qkv});
  add_if(c.has_attn_out_bias, "attn.out.bias", {c.d_model});
  add_if(c.has_mlp_bias, "mlp.up.bias", {d_up});
  add_if(c.has_mlp_bias, "mlp.down.bias", {c.d_model});
  return shapes;
}

/// Rows of each stored tensor of a parameter: q, k, v, or equal parts.
Shape stored_rows(
    const DecoderConfig& c,
    const std::string& name,
    const Shape& shape,
    std::size_t parts) {
  if (parts == 3 && name.starts_with("attn.qkv")) {
    const auto d_kv = c.n_kv_heads * c.d_head;
    return {c.n_heads * c.d_head, d_kv, d_kv};
  }
  return Shape(parts, shape.front() / static_cast<std::int64_t>(parts));
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
  return is_embedding ? normal
                      : normal / std::sqrt(static_cast<double>(shape[1]));
}

std::string with_layer(std::string name, std::int64_t layer) {
  const auto hole = name.find("{}");
  return hole == std::string::npos
             ? name
             : name.replace(hole, 2, std::to_string(layer));
}

void fill(
    MemoryCheckpoint& checkpoint,
    const WeightMap& map,
    const DecoderConfig& c,
    at::Generator random) {
  constexpr std::string_view kBlock = "blocks.{}.";
  const auto shapes = parameter_shapes(c);
  for (const WeightEntry& entry : map) {
    const bool in_block = entry.ours.starts_with(kBlock);
    const auto name = in_block ? entry.ours.substr(kBlock.size()) : entry.ours;
    const auto found = shapes.find(name);
    if (found == shapes.end()) {
      continue;
    }
    const auto rows = stored_rows(c, name, found->second, entry.theirs.size());
    for (std::int64_t layer = 0; layer < (in_block ? c.n_layers : 1); ++layer) {
      for (std::size_t part = 0; part < entry.theirs.size(); ++part) {
        Shape shape = found->second;
        shape.front() = rows[part];
        auto stored = draw(entry.ours, shape, random);
        const bool is_transposed = entry.theirs[part].transform == transposed;
        checkpoint.add(
            with_layer(entry.theirs[part].name, layer),
            is_transposed ? stored.t().contiguous() : stored);
      }
    }
  }
}

} // namespace

json tiny_config(const std::string& architecture) {
  const auto found = tiny_configs().find(architecture);
  if (found == tiny_configs().end()) {
    throw UnknownNameError(
        "tests/tiny_model.cpp", "tiny configuration", architecture, {});
  }
  return found->second;
}

std::vector<std::string> architectures() {
  return model_registry().names();
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
      at::detail::createCPUGenerator(options.seed));
  auto hooks = std::make_shared<HookTable>();
  WeightLoader weights(
      checkpoint, format.layout, sizes, {options.dtype, options.device});
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
