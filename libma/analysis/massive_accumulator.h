// Streaming detection of massive activations: one look at each hidden state,
// O(layers * d_model) memory.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/analysis/running_stats.h"
#include "libma/core/kept_allocator.h"
#include "libma/core/magnitudes.h"
#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"
#include "libma/hooks/real_tokens.h"

namespace ma {

/// Collects what a MassiveProfile tells, from the streams after each block of
/// batch after batch.
class MassiveAccumulator {
 public:
  /// `token_classes` is int8 [vocab], the class of each token's text; undefined
  /// means that only starts are told apart. Throws ConfigError when a threshold
  /// is negative or not finite.
  MassiveAccumulator(
      std::int64_t n_layers,
      MassiveCriterion criterion,
      torch::Tensor token_classes = {});

  /// What is looked for in each sequence's state: hits, the five largest, and
  /// what the largest 1 % and 10 % reach.
  static MagnitudeQuery query(const MassiveCriterion& criterion);

  /// Adds the stream `x` [batch, pos, d_model] after block `layer`; `batch`
  /// must have ids unless images are expected. Each block must see the same
  /// sequences in the same order. Returns what `query` found in each row.
  /// Throws ShapeError when `x` does not fit.
  std::vector<RowMagnitudes> observe(
      std::int64_t layer, const torch::Tensor& x, const TokenBatch& batch);

  /// For images: the first tokens of each row are of the classes `prefix`, all
  /// others are patches. `observe` then looks at no ids.
  void expect_images(std::vector<TokenClass> prefix);

  /// What was seen so far. Throws ShapeError when that is nothing, or blocks
  /// saw different numbers of sequences.
  MassiveProfile finish() const;

  using SiteKey = std::pair<std::int64_t, TokenClass>; ///< dim, class

  /// Entries of one dim at one class of tokens after one block.
  struct SiteStats {
    RunningStats value; ///< signed
    RunningStats magnitude;
    RunningStats ratio;         ///< magnitude / median
    std::int64_t sequences = 0; ///< sequences with at least one
    std::int64_t last_sequence = -1;
    KeptMap<std::int64_t, std::int64_t> tokens; ///< count by id
  };

  /// One block.
  struct LayerStats {
    std::array<RunningStats, 5> top;
    std::array<RunningStats, 2> at_shares; ///< of the largest 1 % and 10 %
    RunningStats median;
    RunningStats ratio;
    std::int64_t massive_sequences = 0;
    KeptMap<SiteKey, SiteStats> hits;    ///< entries that meet the criterion
    KeptMap<SiteKey, SiteStats> largest; ///< the largest entry of each sequence
    torch::Tensor sums; ///< float64 [own + 1, d_model]: positions of their own,
                        ///< and all others
    std::vector<std::int64_t> positions = {}; ///< how many of each
  };

 private:
  /// What stands at the entries of a batch; [batch, pos] on the CPU.
  struct Tokens {
    torch::Tensor classes; ///< int8
    torch::Tensor ids;     ///< int64; undefined for images
  };

  Tokens tokens_of(const torch::Tensor& x, const TokenBatch& batch) const;
  void observe_row(
      LayerStats& layer, const RowMagnitudes& row, const Tokens& tokens);

  MassiveCriterion criterion_;
  torch::Tensor token_classes_;
  std::vector<TokenClass> own_ = {TokenClass::kStart}; ///< see MassiveProfile
  bool has_images_ = false;
  std::vector<LayerStats> layers_;
  KeptMap<SiteKey, KeptSet<std::int64_t>>
      sequences_; ///< in which a site is massive after some block
  std::int64_t d_model_ = 0;
  std::int64_t length_ = 0;
};

} // namespace ma
