// Outlier features (Dettmers et al. 2022, "LLM.int8()", section 4.1): dims that
// are large in many blocks and at many positions.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/real_tokens.h"

namespace ma {

/// When a dim is an outlier feature.
struct OutlierRule {
  double magnitude = 6;         ///< |x| >= magnitude, activation units,
  double layer_share = 0.25;    ///< somewhere after so many of the blocks,
  double position_share = 0.06; ///< and at so many of all positions
};

/// How often each dim reaches a magnitude after each block.
struct OutlierCounts {
  torch::Tensor positions; ///< int64 [layer, d_model]: tokens where it does
  torch::Tensor
      sequences; ///< int64 [layer, d_model]: sequences in which it does
  std::int64_t n_sequences = 0;
  std::int64_t n_positions = 0; ///< tokens of all sequences
};

/// How often one dim reaches the rule's magnitude.
struct OutlierFeature {
  std::int64_t dim = 0;
  double layer_share = 0; ///< share of blocks after which it does somewhere in
                          ///< the sequence, mean over sequences
  double position_share = 0; ///< share of all positions after all blocks
  bool meets_rule = false;
};

/// Counts in the streams after each block of batch after batch; O(layers *
/// d_model) memory.
class OutlierCounter {
 public:
  /// Throws ConfigError when a number of the rule is negative or not a number.
  OutlierCounter(std::int64_t n_layers, const OutlierRule& rule);

  /// Adds the stream `x` [batch, pos, d_model] after block `layer`, `tokens`
  /// being the real ones of each row. Exact: compares with the magnitude in
  /// double.
  void observe(
      std::int64_t layer,
      const torch::Tensor& x,
      const std::vector<RealTokens>& tokens);

  /// What was seen so far. Throws ShapeError when that is nothing, or blocks
  /// saw different numbers of tokens.
  OutlierCounts finish() const;

 private:
  double magnitude_;
  torch::Tensor positions_; ///< as OutlierCounts; allocated at once, because
                            ///< small blocks that outlive a pass would scatter
                            ///< the heap
  torch::Tensor sequences_;
  std::vector<std::int64_t> n_sequences_; ///< [layer]
  std::vector<std::int64_t> n_positions_; ///< [layer]
};

/// The shares of every dim, in order of the dims.
std::vector<OutlierFeature> outlier_features(
    const OutlierCounts& counts, const OutlierRule& rule);

} // namespace ma
