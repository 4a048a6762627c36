// Vision transformers as timm stores them. Its configs name an architecture of
// timm's and what was changed of it; the tensors say the rest.
#include <algorithm>
#include <array>

#include "libma/core/error.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

using Tensors = std::map<std::string, TensorInfo>;

/// Heads of timm's sizes: no tensor tells them.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 9> kHeads = {{
    {"giant_patch14_dinov2", 24},
    {"giant_patch14_reg4_dinov2", 24},
    {"giant", 16},
    {"tiny", 3},
    {"small", 6},
    {"base", 12},
    {"large", 16},
    {"huge", 16},
    {"so400m", 16},
}};

/// Arguments that are read here, or that the tensors tell.
constexpr std::array<std::string_view, 22> kArguments = {
    "num_heads",   "img_size",        "global_pool", "embed_dim",
    "depth",       "patch_size",      "mlp_ratio",   "qkv_bias",
    "init_values", "reg_tokens",      "class_token", "no_embed_class",
    "pre_norm",    "fc_norm",         "num_classes", "dynamic_img_size",
    "drop_rate",   "dynamic_img_pad", "in_chans",    "drop_path_rate",
    "final_norm",  "strict_img_size"};

/// What was changed of the architecture. Throws ConfigError on an argument that
/// changes what the model computes in a way that is not known here.
nlohmann::json arguments_of(const nlohmann::json& config) {
  auto arguments =
      config_value_or(config, "model_args", nlohmann::json::object());
  for (const auto& [name, value] : arguments.items()) {
    if (std::find(kArguments.begin(), kArguments.end(), name) ==
        kArguments.end()) {
      throw ConfigError(
          "config", "'model_args' has '" + name + "', which is not supported");
    }
  }
  return arguments;
}

std::int64_t heads_of(const std::string& name) {
  for (const auto& [size, heads] : kHeads) {
    if (name.find(size) != std::string::npos) {
      return heads;
    }
  }
  throw ConfigError(
      "config",
      "'architecture' is '" + name +
          "', whose number of heads is not known; add num_heads to model_args");
}

/// Height and width: of the arguments, else of the pretrained model's input
/// [channel, height, width].
void read_image_size(
    const nlohmann::json& config,
    const nlohmann::json& arguments,
    VisionConfig& c) {
  const auto size = arguments.find("img_size");
  if (size == arguments.end()) {
    const auto input = config_value<std::vector<std::int64_t>>(
        config_value<nlohmann::json>(config, "pretrained_cfg"), "input_size");
    c.image_height = input.size() == 3 ? input[1] : 0;
    c.image_width = input.size() == 3 ? input[2] : 0;
  } else if (size->is_array()) {
    const auto sides =
        config_value<std::vector<std::int64_t>>(arguments, "img_size");
    c.image_height = sides.size() == 2 ? sides[0] : 0;
    c.image_width = sides.size() == 2 ? sides[1] : 0;
  } else {
    c.image_height = c.image_width =
        config_value<std::int64_t>(arguments, "img_size");
  }
}

VisionConfig read_config(const nlohmann::json& config) {
  const auto name = config_value<std::string>(config, "architecture");
  const auto arguments = arguments_of(config);
  const auto says = [&](const char* part) {
    return name.find(part) != std::string::npos;
  };
  if (says("rpn") || says("parallel")) {
    throw ConfigError(
        "config",
        "'architecture' is '" + name + "', whose blocks are not supported");
  }
  VisionConfig c;
  c.architecture = "timm_vit";
  c.n_heads = arguments.contains("num_heads")
                  ? config_value<std::int64_t>(arguments, "num_heads")
                  : heads_of(name);
  c.n_kv_heads = c.n_heads;
  c.norm.kind = nn::NormKind::kLayer;
  c.norm.eps = says("clip") ? 1e-5 : 1e-6;
  c.has_norm_bias = true;
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.activation = says("quickgelu") ? "quick_gelu" : "gelu";
  c.is_causal = false;
  c.positions = PositionKind::kLearned;
  c.resize = {.antialias = true, .in_float32 = true};
  read_image_size(config, arguments, c);
  const auto pool = config_value_or<std::string>(
      config,
      "global_pool",
      config_value_or<std::string>(arguments, "global_pool", "token"));
  if (pool == "avg") {
    c.pool = PoolKind::kMean;
  } else if (pool == "map") {
    c.pool = PoolKind::kAttention;
  } else if (pool != "token" && !pool.empty()) {
    throw ConfigError(
        "config",
        "'global_pool' is '" + pool + "'; expected token, avg or map");
  }
  return c;
}

/// The size of dim `dim` of a tensor, 0 when there is none.
std::int64_t size_of(
    const Tensors& tensors, const std::string& name, std::size_t dim) {
  const auto found = tensors.find(name);
  return found == tensors.end() || found->second.shape.size() <= dim
             ? 0
             : found->second.shape[dim];
}

void read_tensors(const Tensors& tensors, VisionConfig& c) {
  const auto has = [&](const char* name) { return tensors.contains(name); };
  while (tensors.contains(c10::str("blocks.", c.n_layers, ".norm1.weight"))) {
    ++c.n_layers;
  }
  c.d_model = size_of(tensors, "patch_embed.proj.weight", 0);
  c.n_channels = size_of(tensors, "patch_embed.proj.weight", 1);
  c.patch_height = size_of(tensors, "patch_embed.proj.weight", 2);
  c.patch_width = size_of(tensors, "patch_embed.proj.weight", 3);
  c.has_patch_bias = has("patch_embed.proj.bias");
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = size_of(tensors, "blocks.0.mlp.fc2.weight", 1);
  c.has_gated_mlp =
      size_of(tensors, "blocks.0.mlp.fc1.weight", 0) == 2 * c.d_mlp;
  if (c.has_gated_mlp) {
    c.activation = "silu";
  }
  c.has_qkv_bias = has("blocks.0.attn.qkv.bias");
  c.has_layer_scale = has("blocks.0.ls1.gamma");
  c.has_embed_norm = has("norm_pre.weight");
  c.has_cls = has("cls_token");
  c.n_registers = size_of(tensors, "reg_token", 1);
  c.has_pooled_norm = has("fc_norm.weight");
  c.n_classes = size_of(tensors, "head.weight", 0);
  if (c.patch_height > 0 && c.patch_width > 0) {
    c.has_prefix_positions =
        size_of(tensors, "pos_embed", 1) > c.grid().count();
  }
}

WeightMap weights() {
  WeightMap map = {
      {"cls", {"cls_token", as_rows}},
      {"registers", {"reg_token", as_rows}},
      {"pos_embed.weight", {"pos_embed", as_rows}},
      {"patch_embed.weight", {"patch_embed.proj.weight", flat_rows}},
      {"patch_embed.bias", "patch_embed.proj.bias"},
      {"blocks.{}.attn.gain", "blocks.{}.ls1.gamma"},
      {"blocks.{}.mlp.gain", "blocks.{}.ls2.gamma"},
      {"pool.query", {"attn_pool.latent", as_rows}},
  };
  const std::pair<const char*, const char*> names[] = {
      {"embed.ln", "norm_pre"},
      {"blocks.{}.ln1", "blocks.{}.norm1"},
      {"blocks.{}.attn.qkv", "blocks.{}.attn.qkv"},
      {"blocks.{}.attn.out", "blocks.{}.attn.proj"},
      {"blocks.{}.ln2", "blocks.{}.norm2"},
      {"blocks.{}.mlp.up", "blocks.{}.mlp.fc1"},
      {"blocks.{}.mlp.down", "blocks.{}.mlp.fc2"},
      {"ln_final", "norm"},
      {"ln_final", "fc_norm"},
      {"pool.out", "attn_pool.proj"},
      {"pool.ln", "attn_pool.norm"},
      {"pool.mlp.up", "attn_pool.mlp.fc1"},
      {"pool.mlp.down", "attn_pool.mlp.fc2"},
      {"classifier", "head"}};
  for (const std::string part : {".weight", ".bias"}) {
    for (const auto& [ours, theirs] : names) {
      map.emplace_back(
          (ours + part).c_str(), StoredName((theirs + part).c_str()));
    }
    map.emplace_back(
        ("pool.qkv" + part).c_str(),
        std::vector<StoredName>{
            ("attn_pool.q" + part).c_str(), ("attn_pool.kv" + part).c_str()});
  }
  return map;
}

} // namespace

void register_timm_vit(ModelRegistry& registry) {
  registry.add(
      "timm_vit", {.vision = {read_config, {weights(), "", {}}, read_tensors}});
}

} // namespace ma
