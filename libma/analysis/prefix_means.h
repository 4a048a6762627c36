// Means of the stream over the first n calibration sequences, for several n at
// once: how many it takes.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma {

/// Streams after every block of sequence after sequence. Keeps two sums for
/// each block, and two means for each count.
class PrefixMeans {
 public:
  /// `counts` are the numbers of sequences to take means over. Throws
  /// ConfigError when there are none or one is not positive.
  PrefixMeans(std::int64_t n_layers, std::vector<std::int64_t> counts);

  /// Adds the stream `x` [batch, pos, d_model] after block `at.layer`. Each
  /// block must see the same sequences in the same order; those after the
  /// largest count are left alone. Throws ShapeError when `x` does not fit.
  void observe(const torch::Tensor& x, const HookSite& at);

  /// The largest count: sequences that have to be seen.
  std::int64_t n_needed() const { return counts_.back(); }

  /// By count: float64 [layer, 2, d_model], the mean at the first position and
  /// at all others, as `MassiveProfile::means`. Throws ShapeError when a block
  /// saw too few sequences.
  std::map<std::int64_t, torch::Tensor> finish() const;

 private:
  /// One block.
  struct LayerSums {
    std::int64_t sequences = 0;
    torch::Tensor sums;                          ///< float64 [2, d_model]
    torch::Tensor n_added;                       ///< float64 [2, 1], positions
    std::map<std::int64_t, torch::Tensor> means; ///< [2, d_model], by count
  };

  std::vector<std::int64_t> counts_; ///< ascending, without repeats
  std::vector<LayerSums> layers_;
};

} // namespace ma
