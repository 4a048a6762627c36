// Looking at a vision model's tokens while images pass: norms, the class
// token's attention, register means.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "libma/analysis/cls_attention.h"
#include "libma/analysis/register_means.h"
#include "libma/analysis/token_norms.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/models/vision_model.h"

namespace ma {

/// What to look at; everything that is asked for is seen in the same passes.
struct MeasureTokensOptions {
  std::optional<TokenNormOptions> norms =
      {}; ///< of the tokens after each block
  std::optional<std::vector<std::int64_t>> cls_attention =
      {}; ///< the blocks (0-based) whose pattern to look at; empty: all. Their
          ///< attention takes the explicit path, one pattern at a time
  bool register_means = false; ///< before each block
};

struct TokenMeasurements {
  std::int64_t n_images = 0;
  std::optional<TokenNorms> norms = {};
  std::optional<ClsAttention> cls_attention = {};
  std::optional<RegisterMeans> register_means = {};
};

/// Takes batches of images one by one, from wherever they come. Memory does not
/// grow with the images.
class TokenMeter {
 public:
  /// Keeps a reference to `model`. Throws ConfigError when nothing is asked
  /// for, there is no such block, or the model has no class token or registers
  /// where it needs them.
  TokenMeter(const VisionModel& model, const MeasureTokensOptions& options);

  /// Runs `pixels`, float [batch, channel, height, width] or [channel, height,
  /// width], through the blocks, with the hooks that are registered; images of
  /// different batches may differ in size. Throws as VisionModel::embed does.
  void observe(const torch::Tensor& pixels);

  std::int64_t n_images() const { return n_images_; }

  /// What was seen so far. Throws ShapeError when that is nothing.
  TokenMeasurements finish() const;

 private:
  std::vector<HookHandle> hooks();

  const VisionModel& model_;
  std::int64_t n_images_ = 0;
  std::optional<TokenNormAccumulator> norms_;
  std::optional<ClsAttentionAccumulator> cls_attention_;
  std::optional<RegisterMeansAccumulator> register_means_;
};

/// The next batch of pixels, undefined at the end.
using PixelSource = std::function<torch::Tensor()>;

/// Takes all batches of `source`; `n_images` is their number for `progress`, 0
/// where it is not known. Throws as TokenMeter does.
TokenMeasurements measure_tokens(
    const VisionModel& model,
    const PixelSource& source,
    const MeasureTokensOptions& options,
    const ProgressFn& progress = {},
    std::int64_t n_images = 0);

} // namespace ma
