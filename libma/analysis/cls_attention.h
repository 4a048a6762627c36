// Where the class token looks: its attention onto registers and patches (Sun et
// al. 2024, figure 14).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

/// Means over images.
struct ClsAttention {
  std::vector<std::string> kinds;   ///< "cls", "register:0", ..., "patch"
  std::vector<std::int64_t> layers; ///< 0-based blocks, ascending
  std::int64_t n_images = 0;
  torch::Tensor shares = {}; ///< float64 [layer, head, kind]: of the class
                             ///< token's attention; that of all patches summed;
                             ///< rows sum to 1
  torch::Tensor per_patch =
      {}; ///< float64 [layer, head]: mean share of a single patch
};

/// Collects them from the patterns of batch after batch, one block's at a time.
class ClsAttentionAccumulator {
 public:
  /// `layers` are the blocks to look at; `kinds` as for TokenNormAccumulator.
  /// Throws ConfigError when no kind is "cls" or `layers` is empty.
  ClsAttentionAccumulator(
      std::vector<std::int64_t> layers, std::vector<std::string> kinds);

  const std::vector<std::int64_t>& layers() const { return layers_; }

  /// Adds the pattern [batch, head, query_pos, key_pos] of block `layer`. Sums
  /// are float64. Throws ShapeError when it does not fit.
  void observe(std::int64_t layer, const torch::Tensor& pattern);

  /// What was seen so far. Throws ShapeError when that is nothing, or blocks
  /// saw different numbers of images.
  ClsAttention finish() const;

 private:
  /// Sums over the images of one block.
  struct Sums {
    std::int64_t n_images = 0;
    torch::Tensor shares;    // float64 [head, kind]
    torch::Tensor per_patch; // float64 [head]
  };

  std::vector<std::int64_t> layers_;
  std::vector<std::string> kinds_;
  std::int64_t cls_ = 0; // its position
  std::vector<Sums> sums_;
};

/// One row a block, or a block and head: the shares in percent, of all patches
/// and of one, and all registers together where there are any.
Table cls_attention_table(const ClsAttention& attention, bool by_head = false);

} // namespace ma
