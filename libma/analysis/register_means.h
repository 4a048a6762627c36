// Register tokens on average over images, before each block (Sun et al. 2024,
// section 5: "Fix-Reg-Mean").
#pragma once

#include <cstdint>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

struct RegisterMeans {
  torch::Tensor means; ///< float32 [layer, register, d_model]: row L at the
                       ///< input of block L (0-based)
  std::int64_t n_images = 0; ///< 0 where the file does not say
};

/// Averages registers over batch after batch, in float64.
class RegisterMeansAccumulator {
 public:
  /// Registers are the `n_registers` tokens from position `first` on. Throws
  /// ConfigError when there are none.
  RegisterMeansAccumulator(
      std::int64_t n_layers, std::int64_t first, std::int64_t n_registers);

  /// Adds the stream `x` [batch, pos, d_model] before block `layer`. Throws
  /// ShapeError when it does not fit.
  void observe(std::int64_t layer, const torch::Tensor& x);

  /// What was seen so far. Throws ShapeError when that is nothing, or blocks
  /// saw different numbers of images.
  RegisterMeans finish() const;

 private:
  std::int64_t first_;
  std::int64_t n_registers_;
  std::vector<torch::Tensor> sums_; // float64 [register, d_model]
  std::vector<std::int64_t> images_;
};

/// One entry of the means before a block.
struct RegisterEntry {
  std::int64_t register_index = 0; ///< 0-based, as in "register:0"
  std::int64_t dim = 0;
  double value = 0; ///< signed, activation units
};

/// The means before one block.
struct RegisterSummary {
  std::int64_t layer = 0;              ///< 0-based
  std::vector<RegisterEntry> top = {}; ///< largest magnitude first
  double median = 0;                   ///< torch.median of all magnitudes
  double max_over_median = 0;          ///< no unit
  bool meets_criterion = false;        ///< whether the largest entry does
};

/// The `top` largest entries before each block, and whether they are massive by
/// `criterion`. Throws ShapeError unless means are [layer, register, d_model].
std::vector<RegisterSummary> summarize(
    const RegisterMeans& means,
    const MassiveCriterion& criterion = {},
    std::int64_t top = 3);

/// One row a block: its largest entries, median, max / median, the criterion.
Table register_means_table(
    const RegisterMeans& means,
    const MassiveCriterion& criterion = {},
    std::int64_t top = 3);

} // namespace ma
