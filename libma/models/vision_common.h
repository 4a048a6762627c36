// What the vision architectures spell alike in Hugging Face folders.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "libma/models/vision_config.h"
#include "libma/models/weights.h"

namespace ma {

/// The stored tensor `root` + `name`.
StoredName below(
    const std::string& root,
    const char* name,
    WeightTransform transform = nullptr);

/// Sizes, LayerNorm with `layer_norm_eps`, GELU, biases everywhere, learned
/// positions; `default_eps` is what the architecture means without it. The
/// MLP's width is `intermediate_size`, or `mlp_ratio` times d_model.
VisionConfig read_vision_common(
    const nlohmann::json& config,
    const std::string& architecture,
    double default_eps);

/// Entries of the table: embeddings, attention, final norm and heads below
/// `root` ("vit."), blocks without their norms and MLP.
WeightMap common_vision_weights(const std::string& root);

/// Norms and MLP of the first vision transformers.
WeightMap classic_block_weights(const std::string& root);

/// The vision tower of models that pair images with texts, below
/// "vision_model.".
WeightMap tower_weights();

/// The blocks of either tower of such models, below `root`.
WeightMap tower_block_weights(const std::string& root);

/// Heads tell themselves by their tensors: the number of classes, a dense layer
/// behind the pooled token where no classifier reads that.
void read_heads(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c);

/// The part of a paired model's configuration that is of images, or the whole
/// of one that is of images alone, with what Hugging Face means by an absent
/// key: sizes of the base model, and `defaults`.
nlohmann::json vision_part(
    const nlohmann::json& config, const nlohmann::json& defaults);

} // namespace ma
