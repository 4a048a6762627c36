// Classifiers of images that are not part of a model's checkpoint: linear heads
// from files, prompts of a paired text model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/models/model.h"
#include "libma/models/vision_config.h"
#include "libma/models/vision_head.h"

namespace ma {

/// A classifier on top of what a model says of images.
struct ImageHead {
  std::int64_t n_classes = 0;
  std::function<torch::Tensor(const VisionOutput& output)>
      logits; ///< [batch, class], float32 on the CPU
};

/// A linear head onto the class token, or class token and mean of the patches
/// side by side (DINOv2's heads), as its width says: `weight` [class, d] and
/// `bias` [class] of a safetensors file.
///
/// Throws FileError when they are not there, ConfigError when the width fits no
/// such input of the model, or it has no class token behind a final norm.
ImageHead read_linear_head(
    const std::filesystem::path& path, const VisionConfig& config);

/// Embeddings of `texts` by the text tower of CLIP, each between the
/// tokenizer's BOS and EOS, read at the EOS: [n, d_text], float32 on the CPU.
/// Of a text that is too long the beginning counts.
///
/// Throws ConfigError when `model` gives no embeddings or has no such tokens,
/// ShapeError when there is no text.
torch::Tensor embed_texts(
    const Model& model, const std::vector<std::string>& texts);

/// Zero-shot classification (Radford et al. 2021, section 3.1): the cosine of
/// an image's projected vector with each class's embedding, which is the
/// normalised mean of the normalised embeddings of its prompts.
///
/// A prompt is a template with each "{}" replaced by the class's name, an
/// underscore in it by a space. The temperature, which changes no ranking, is
/// left out. Throws as embed_texts does, ConfigError when a template has no
/// "{}", there is none, or the vision model's projection has another width.
ImageHead make_prompt_head(
    const Model& text_model,
    const std::vector<std::string>& classes,
    const std::vector<std::string>& templates,
    const VisionConfig& config);

} // namespace ma
