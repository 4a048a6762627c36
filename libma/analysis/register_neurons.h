// Register neurons: the MLP neurons that are active where patches have a high
// norm (Jiang et al. 2025, "Vision Transformers Don't Need Trained Registers",
// algorithm 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

/// When a patch is an outlier.
struct HighNormRule {
  std::optional<double> threshold = {}; ///< its norm is above, activation units
  double ratio = 5; ///< without a threshold: above so many times the median
                    ///< norm of its image's patches, no unit

  /// "above 150", "above 5 x the median of its image's patches".
  std::string describe() const;
};

/// Throws ConfigError when a bound is negative or not a number.
void check_rule(const HighNormRule& rule);

/// What to look for, and where.
struct RegisterNeuronOptions {
  HighNormRule outliers = {};
  std::int64_t detect_layer = -2; ///< the block after which norms are taken,
                                  ///< 0-based; below 0 from the last one (-1)
  std::optional<std::int64_t> highest_layer =
      {};                  ///< the last block to search, likewise; unless
                           ///< given, that of the norms
  std::int64_t top_k = 10; ///< neurons to return
};

/// The patches of a batch.
struct PatchOutliers {
  torch::Tensor is_outlier; ///< bool [batch, patch], on the CPU
  double max_norm = 0;      ///< of all patches, activation units
  double max_ratio = 0; ///< largest norm / median norm of its image's patches
};

/// Finds the outliers among the patches of the stream `x` [batch, pos,
/// d_model]: all tokens but the first `n_prefix`. Norms are computed in float32
/// for half precision, else in x's dtype. Throws as check_rule does,
/// ConfigError when a norm is not finite, ShapeError when `x` has no patches.
PatchOutliers find_outliers(
    const torch::Tensor& x, std::int64_t n_prefix, const HighNormRule& rule);

/// Mean magnitudes of neurons; of each image first, then over images.
struct NeuronMeans {
  std::int64_t n_images = 0;      ///< with at least one outlier
  torch::Tensor at_outliers = {}; ///< float64 [layer, neuron]
  torch::Tensor elsewhere = {};   ///< the same at the other patches of these
                                  ///< images; NaN when there are none
};

/// Collects magnitudes of the MLPs of batch after batch. Memory does not grow
/// with the images.
class NeuronMeansAccumulator {
 public:
  /// Of blocks [0, n_layers); the first `n_prefix` tokens are no patches.
  NeuronMeansAccumulator(std::int64_t n_layers, std::int64_t n_prefix);

  /// Adds `x` [batch, pos, d_mlp], the input of the down-projection of block
  /// `layer`; images without an outlier do not count. Throws ShapeError when it
  /// does not fit `is_outlier` [batch, patch] or what was seen before.
  void observe(
      std::int64_t layer,
      const torch::Tensor& x,
      const torch::Tensor& is_outlier);

  /// What was seen so far; no neurons when no image had an outlier. Throws
  /// ShapeError when blocks saw different numbers of images.
  NeuronMeans finish() const;

 private:
  struct Sums {
    /// One image: `patches` [patch, neuron], `is_outlier` [patch].
    void add(const torch::Tensor& patches, const torch::Tensor& is_outlier);

    std::int64_t n_images = 0;
    std::int64_t n_with_others = 0;
    torch::Tensor at_outliers; // float64 [neuron]
    torch::Tensor elsewhere;
  };

  std::int64_t n_prefix_;
  std::vector<Sums> sums_; // by block
};

/// One neuron of an MLP.
struct RegisterNeuron {
  std::int64_t layer = 0;  ///< block, 0-based
  std::int64_t neuron = 0; ///< 0-based
  double at_outliers = 0;  ///< mean magnitude, activation units
  double elsewhere = 0;    ///< NaN when all patches were outliers

  double ratio() const { return at_outliers / elsewhere; } ///< no unit
};

/// The `top_k` neurons with the largest means at outliers, largest first; ties
/// go to the lower block and neuron. Throws ConfigError unless there are as
/// many; none of empty means.
std::vector<RegisterNeuron> top_neurons(
    const NeuronMeans& means, std::int64_t top_k);

/// What was found over images.
struct RegisterNeurons {
  RegisterNeuronOptions options; ///< layers as 0-based blocks
  std::int64_t n_images = 0;
  std::int64_t n_patches = 0;
  std::int64_t n_outliers = 0; ///< patches
  double max_norm = 0;         ///< of a patch, activation units
  double max_ratio = 0; ///< largest norm / median norm of its image's patches
  NeuronMeans means = {};
  std::vector<RegisterNeuron> neurons = {}; ///< empty when there is no outlier

  /// "patches with a norm above 150 after block 10 (layer 11): 12 of 10,240, in
  /// 3 of 40 images; the largest norm is 312.4, the largest ratio to the median
  /// 9.1".
  std::string describe_outliers() const;
};

/// One row a neuron, largest mean first.
Table register_neurons_table(const RegisterNeurons& found);

} // namespace ma
