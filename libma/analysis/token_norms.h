// Lengths of an image's tokens after each block (Darcet et al. 2024, "Vision
// Transformers Need Registers", section 2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/analysis/log_histogram.h"
#include "libma/analysis/running_moments.h"
#include "libma/analysis/running_stats.h"
#include "libma/core/tensor.h"

namespace ma {

/// When a patch is one of high norm.
struct TokenNormOptions {
  double threshold =
      150; ///< its norm is above, activation units (Darcet et al. 2024, chosen
           ///< by hand for DINOv2 ViT-L: another model needs another one)
  double ratio = 5; ///< or above so many times the median norm of its image's
                    ///< patches, no unit (libma's: half of the tenfold that
                    ///< Darcet et al. report)
};

/// Patches of high norm by one of the two rules.
struct HighNormCount {
  std::int64_t patches = 0;
  std::int64_t images = 0; ///< with at least one
};

/// The tokens after one block.
struct BlockNorms {
  std::int64_t n_images = 0;
  std::vector<RunningStats> kinds; ///< L2 norms by kind of token
  LogHistogram histogram;          ///< of the patches' norms
  RunningMoments log_moments;      ///< of their logarithms, zeros left out
  HighNormCount above_threshold;
  HighNormCount above_ratio;
};

/// What a TokenNormAccumulator found.
struct TokenNorms {
  TokenNormOptions options;
  std::vector<std::string> kinds; ///< "cls", "register:0", ..., "patch"
  std::int64_t n_images = 0;
  std::vector<BlockNorms> layers;
};

/// Collects norms from the streams after each block of batch after batch.
/// Memory does not grow with the images.
class TokenNormAccumulator {
 public:
  /// `kinds` are those of a row's tokens: all but the last have one token each,
  /// the last one ("patch") has the rest. Throws ConfigError when an option is
  /// negative or not a number.
  TokenNormAccumulator(
      std::int64_t n_layers,
      std::vector<std::string> kinds,
      TokenNormOptions options = {});

  /// Adds the stream `x` [batch, pos, d_model] after block `layer`. Norms are
  /// computed in float32 for half precision, else in x's dtype. Throws
  /// ShapeError when `x` does not fit, ConfigError when a norm is not finite.
  void observe(std::int64_t layer, const torch::Tensor& x);

  /// What was seen so far. Throws ShapeError when that is nothing, or blocks
  /// saw different numbers of images.
  TokenNorms finish() const;

 private:
  TokenNorms found_;
};

} // namespace ma
