// Statistics of the residual stream, block by block, over sequences: the
// figures and tables of Sun et al. 2024, section 2, and metrics of later work.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "libma/analysis/class_values.h"
#include "libma/analysis/entry_shape.h"
#include "libma/analysis/massive.h"
#include "libma/analysis/massive_accumulator.h"
#include "libma/analysis/outlier_features.h"
#include "libma/analysis/running_stats.h"
#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma {

struct MagnitudeOptions {
  MassiveCriterion criterion = {};
  OutlierRule outliers = {};
  bool detail = false; ///< EntryShape of each state: three more passes over it
};

/// EntryShape over sequences.
struct ShapeStats {
  RunningStats kurtosis;
  RunningStats neuron_rms_kurtosis;
  RunningStats token_max_over_median;
  RunningStats int8_error;
  RunningStats int8_error_of_rest;
  RunningStats int8_error_apart;

  void add(const EntryShape& shape);
};

/// One stream: before block 0 or after a block. Each number is one of a
/// sequence's hidden state, all tokens x all dims.
struct StreamStats {
  std::int64_t layer = -1;         ///< 0-based block; -1: before block 0
  std::array<RunningStats, 5> top; ///< largest magnitudes, largest first
  std::array<RunningStats, 5> top_over_median; ///< each by the median
  RunningStats top_1_over_2;   ///< the largest by the second, no unit
  RunningStats median;         ///< magnitude: the lower of two middles
  RunningStats top_1_percent;  ///< magnitude of descending rank ceil(n / 100)
  RunningStats top_10_percent; ///< of rank ceil(n / 10)
  std::int64_t massive_sequences = 0; ///< with an entry that is massive
  std::int64_t float16_overflows =
      0; ///< entries that float16 does not hold: |x| > 65,504, or not a number
  ShapeStats shape; ///< empty without `detail`
};

/// What a MagnitudeAccumulator found.
struct Magnitudes {
  MagnitudeOptions options;
  MassiveProfile profile;
  std::vector<StreamStats> streams; ///< before block 0, then after each block
  ClassValues class_values;         ///< of the same streams
  OutlierCounts outlier_counts;     ///< after each block

  std::int64_t n_layers() const {
    return static_cast<std::int64_t>(streams.size()) - 1;
  }
  /// The stream after block `layer`, -1 for that before block 0. Throws
  /// ConfigError when there is none.
  const StreamStats& stream(std::int64_t layer) const;
  /// The block (0-based) after which the strongest site is largest.
  std::int64_t peak_layer() const { return profile.sites.front().peak_layer; }
};

/// Collects Magnitudes from the streams of batch after batch; O(layers *
/// d_model) memory.
class MagnitudeAccumulator {
 public:
  /// `token_classes` as for MassiveAccumulator. Throws ConfigError when an
  /// option is negative or not a number.
  MagnitudeAccumulator(
      std::int64_t n_layers,
      const MagnitudeOptions& options,
      torch::Tensor token_classes = {});

  /// Adds the stream `x` [batch, pos, d_model] after block `layer`, -1 for that
  /// before block 0; `batch` must have ids. Each stream must see the same
  /// sequences in the same order. Throws ShapeError when `x` does not fit.
  void observe(
      std::int64_t layer, const torch::Tensor& x, const TokenBatch& batch);

  /// What was seen so far. Throws ShapeError when that is nothing, or streams
  /// saw different numbers of sequences.
  Magnitudes finish() const;

 private:
  std::vector<RowMagnitudes> scan_before_blocks(
      const torch::Tensor& x, const TokenBatch& batch) const;

  MagnitudeOptions options_;
  torch::Tensor token_classes_;
  MassiveAccumulator massive_;
  OutlierCounter outliers_;
  ClassValueAccumulator class_values_;
  std::vector<StreamStats> streams_;
};

} // namespace ma
