// CLIP (Radford et al. 2021): an image and a text tower that end in one space.
// The text tower is a decoder whose head gives embeddings; that at a text's
// last token is the text's.
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"
#include "libma/models/vision_common.h"

namespace ma {
namespace {

VisionConfig read_vision(const nlohmann::json& config) {
  const auto part =
      vision_part(config, {{"patch_size", 32}, {"hidden_act", "quick_gelu"}});
  VisionConfig c =
      read_vision_common(part, "clip_vision_model", /*default_eps=*/1e-5);
  c.has_patch_bias = false;
  c.has_embed_norm = true;
  return c;
}

/// A classifier reads the mean of the patches, before the final norm.
void read_vision_tensors(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c) {
  read_heads(tensors, c);
  if (c.n_classes > 0) {
    c.pool = PoolKind::kMean;
    c.pools_unnormed = true;
  }
}

/// The part of the configuration that is of texts, with what Hugging Face means
/// by an absent key.
nlohmann::json text_part(const nlohmann::json& config) {
  nlohmann::json part = {
      {"vocab_size", 49408},
      {"hidden_size", 512},
      {"intermediate_size", 2048},
      {"num_hidden_layers", 12},
      {"num_attention_heads", 8},
      {"max_position_embeddings", 77},
      {"hidden_act", "quick_gelu"}};
  const auto found = config.find("text_config");
  part.update(found == config.end() ? config : *found);
  return part;
}

DecoderConfig read_text(const nlohmann::json& config) {
  const auto part = text_part(config);
  DecoderConfig c;
  c.architecture = "clip_text_model";
  c.n_layers = config_value<std::int64_t>(part, "num_hidden_layers");
  c.d_model = config_value<std::int64_t>(part, "hidden_size");
  c.n_heads = config_value<std::int64_t>(part, "num_attention_heads");
  c.n_kv_heads = c.n_heads;
  c.d_head = c.n_heads > 0 ? c.d_model / c.n_heads : 0;
  c.d_mlp = config_value<std::int64_t>(part, "intermediate_size");
  c.vocab = config_value<std::int64_t>(part, "vocab_size");
  c.max_positions = config_value<std::int64_t>(part, "max_position_embeddings");
  c.norm = {
      .kind = nn::NormKind::kLayer,
      .eps = config_value_or(part, "layer_norm_eps", 1e-5)};
  c.has_norm_bias = true;
  c.has_qkv_bias = true;
  c.has_attn_out_bias = true;
  c.has_mlp_bias = true;
  c.has_gated_mlp = false;
  c.activation = config_value<std::string>(part, "hidden_act");
  c.positions = PositionKind::kLearned;
  return c;
}

void read_text_tensors(
    const std::map<std::string, TensorInfo>& tensors, DecoderConfig& c) {
  const auto found = tensors.find("text_projection.weight");
  if (found == tensors.end() || found->second.shape.empty()) {
    throw ConfigError(
        "text_projection.weight",
        "is not in the checkpoint, so that texts have no embedding; load the "
        "folder of a CLIPModel");
  }
  c.d_text = found->second.shape.front();
}

WeightMap text_weights() {
  WeightMap map = tower_block_weights("text_model.");
  map.insert(
      map.end(),
      {{"embed.weight", "text_model.embeddings.token_embedding.weight"},
       {"pos_embed.weight", "text_model.embeddings.position_embedding.weight"},
       {"ln_final.weight", "text_model.final_layer_norm.weight"},
       {"ln_final.bias", "text_model.final_layer_norm.bias"},
       {"unembed.weight", "text_projection.weight"}});
  return map;
}

} // namespace

void register_clip_towers(ModelRegistry& registry) {
  const VisionFormat vision = {
      read_vision,
      {tower_weights(),
       "vision_model.",
       {"vision_model.embeddings.position_ids",
        "text_model.*",
        "text_projection.weight",
        "logit_scale"}},
      read_vision_tensors};
  const ArchitectureFormat text = {
      read_text,
      {text_weights(),
       "text_model.",
       {"text_model.embeddings.position_ids",
        "vision_model.*",
        "visual_projection.weight",
        "logit_scale"}},
      read_text_tensors};
  registry.add("clip", {.hugging_face = text, .vision = vision});
  registry.add("clip_vision_model", {.vision = vision});
}

} // namespace ma
