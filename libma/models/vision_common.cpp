// Configuration and weight tables that vision architectures share.
#include "libma/models/vision_common.h"

#include <tuple>
#include <utility>
#include <vector>

#include "libma/core/error.h"
#include "libma/models/config_reader.h"

namespace ma {
namespace {

/// Height and width under `key`: one number or a pair.
std::pair<std::int64_t, std::int64_t> read_sides(
    const nlohmann::json& config, const std::string& key) {
  const auto found = config.find(key);
  if (found != config.end() && found->is_array()) {
    const auto sides = config_value<std::vector<std::int64_t>>(config, key);
    if (sides.size() == 2) {
      return {sides[0], sides[1]};
    }
  }
  const auto side = config_value<std::int64_t>(config, key);
  return {side, side};
}

} // namespace

StoredName below(
    const std::string& root, const char* name, WeightTransform transform) {
  return {(root + name).c_str(), transform};
}

VisionConfig read_vision_common(
    const nlohmann::json& config,
    const std::string& architecture,
    double default_eps) {
  VisionConfig c;
  c.architecture = architecture;
  c.n_layers = config_value<std::int64_t>(config, "num_hidden_layers");
  c.d_model = config_value<std::int64_t>(config, "hidden_size");
  c.n_heads = config_value<std::int64_t>(config, "num_attention_heads");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config.contains("intermediate_size")
                ? config_value<std::int64_t>(config, "intermediate_size")
                : static_cast<std::int64_t>(
                      static_cast<double>(c.d_model) *
                      config_value<double>(config, "mlp_ratio"));
  c.norm.kind = nn::NormKind::kLayer;
  c.norm.eps = config_value_or(config, "layer_norm_eps", default_eps);
  c.has_norm_bias = true;
  c.has_qkv_bias = config_value_or(config, "qkv_bias", true);
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.activation = config_value_or<std::string>(config, "hidden_act", "gelu");
  c.is_causal = false;
  c.positions = PositionKind::kLearned;
  c.n_channels = config_value_or<std::int64_t>(config, "num_channels", 3);
  std::tie(c.image_height, c.image_width) = read_sides(config, "image_size");
  std::tie(c.patch_height, c.patch_width) = read_sides(config, "patch_size");
  return c;
}

WeightMap common_vision_weights(const std::string& root) {
  const auto joined = [&](const char* part) {
    const auto of = [&](const char* which) {
      const auto name =
          c10::str("encoder.layer.{}.attention.attention.", which, ".", part);
      return below(root, name.c_str());
    };
    return std::vector<StoredName>{of("query"), of("key"), of("value")};
  };
  return {
      {"cls", below(root, "embeddings.cls_token", as_rows)},
      {"patch_embed.weight",
       below(root, "embeddings.patch_embeddings.projection.weight", flat_rows)},
      {"patch_embed.bias",
       below(root, "embeddings.patch_embeddings.projection.bias")},
      {"pos_embed.weight",
       below(root, "embeddings.position_embeddings", as_rows)},
      {"blocks.{}.attn.qkv.weight", joined("weight")},
      {"blocks.{}.attn.qkv.bias", joined("bias")},
      {"blocks.{}.attn.out.weight",
       below(root, "encoder.layer.{}.attention.output.dense.weight")},
      {"blocks.{}.attn.out.bias",
       below(root, "encoder.layer.{}.attention.output.dense.bias")},
      {"ln_final.weight", below(root, "layernorm.weight")},
      {"ln_final.bias", below(root, "layernorm.bias")},
      {"pooler.weight", below(root, "pooler.dense.weight")},
      {"pooler.bias", below(root, "pooler.dense.bias")},
      {"classifier.weight", "classifier.weight"},
      {"classifier.bias", "classifier.bias"},
  };
}

WeightMap classic_block_weights(const std::string& root) {
  WeightMap map;
  const std::pair<const char*, const char*> names[] = {
      {"ln1", "layernorm_before"},
      {"ln2", "layernorm_after"},
      {"mlp.up", "intermediate.dense"},
      {"mlp.down", "output.dense"}};
  for (const auto& [ours, theirs] : names) {
    for (const char* part : {"weight", "bias"}) {
      const auto name = c10::str("encoder.layer.{}.", theirs, ".", part);
      map.emplace_back(
          c10::str("blocks.{}.", ours, ".", part).c_str(),
          below(root, name.c_str()));
    }
  }
  return map;
}

WeightMap tower_weights() {
  WeightMap map = tower_block_weights("vision_model.");
  map.insert(
      map.end(),
      {{"cls", {"vision_model.embeddings.class_embedding", as_rows}},
       {"patch_embed.weight",
        {"vision_model.embeddings.patch_embedding.weight", flat_rows}},
       {"patch_embed.bias", "vision_model.embeddings.patch_embedding.bias"},
       {"pos_embed.weight",
        "vision_model.embeddings.position_embedding.weight"},
       {"embed.ln.weight", "vision_model.pre_layrnorm.weight"},
       {"embed.ln.bias", "vision_model.pre_layrnorm.bias"},
       {"ln_final.weight", "vision_model.post_layernorm.weight"},
       {"ln_final.bias", "vision_model.post_layernorm.bias"},
       {"projection.weight", "visual_projection.weight"},
       {"classifier.weight", "classifier.weight"},
       {"classifier.bias", "classifier.bias"}});
  return map;
}

WeightMap tower_block_weights(const std::string& root) {
  const std::pair<const char*, const char*> names[] = {
      {"ln1", "layer_norm1"},
      {"attn.out", "self_attn.out_proj"},
      {"ln2", "layer_norm2"},
      {"mlp.up", "mlp.fc1"},
      {"mlp.down", "mlp.fc2"}};
  const auto in_block = [&](const auto&... name) {
    const auto full = c10::str("encoder.layers.{}.", name...);
    return below(root, full.c_str());
  };
  WeightMap map;
  for (const char* part : {"weight", "bias"}) {
    for (const auto& [ours, theirs] : names) {
      map.emplace_back(
          c10::str("blocks.{}.", ours, ".", part).c_str(),
          in_block(theirs, ".", part));
    }
    map.emplace_back(
        c10::str("blocks.{}.attn.qkv.", part).c_str(),
        std::vector<StoredName>{
            in_block("self_attn.q_proj.", part),
            in_block("self_attn.k_proj.", part),
            in_block("self_attn.v_proj.", part)});
  }
  return map;
}

void read_heads(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c) {
  for (const auto& [name, info] : tensors) {
    const auto rows = info.shape.empty() ? 0 : info.shape.front();
    if (name == "classifier.weight" || name == "cls_classifier.weight") {
      c.n_classes = rows;
    } else if (name.ends_with("pooler.dense.weight")) {
      c.d_pooler = rows;
    } else if (name == "visual_projection.weight") {
      c.d_projected = rows;
    }
  }
  if (c.n_classes > 0) {
    c.d_pooler = 0; // classifiers of Hugging Face read the token itself
  }
}

nlohmann::json vision_part(
    const nlohmann::json& config, const nlohmann::json& defaults) {
  nlohmann::json part = {
      {"hidden_size", 768},
      {"intermediate_size", 3072},
      {"num_hidden_layers", 12},
      {"num_attention_heads", 12},
      {"image_size", 224}};
  part.update(defaults);
  const auto found = config.find("vision_config");
  part.update(found == config.end() ? config : *found);
  return part;
}

} // namespace ma
