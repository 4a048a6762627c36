// What is known of a model's massive activations (Sun et al. 2024, section 2),
// as found over calibration sequences.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/token_class.h"
#include "libma/interventions/selection.h"

namespace ma {

/// |x| > magnitude and |x| > ratio * median(|x|), the median over all tokens
/// and dims of one sequence's hidden state.
struct MassiveCriterion {
  double magnitude = 100; ///< activation units
  double ratio = 1000;    ///< no unit
};

/// One hidden state (the stream after one block), over all sequences.
struct LayerMagnitudes {
  std::int64_t layer = 0; ///< 0-based block
  std::array<double, 5> top =
      {}; ///< mean over sequences of the five largest magnitudes
  std::array<double, 5> top_std =
      {}; ///< their standard deviations over sequences (n - 1)
  double top_1_percent = 0;   ///< mean over sequences of the magnitude of
                              ///< descending rank ceil(n / 100)
  double top_10_percent = 0;  ///< the same of rank ceil(n / 10)
  double median = 0;          ///< mean over sequences of the median magnitude
  double median_std = 0;      ///< its standard deviation over sequences (n - 1)
  double max_over_median = 0; ///< mean over sequences of top / median, no unit
  double massive_share =
      0; ///< share of sequences with at least one massive entry
};

/// A feature dim that is massive at one class of tokens.
///
/// It is massive after a block when it is so in at least half of the sequences;
/// the statistics are over its hits (entries that meet the criterion) after the
/// peak block.
struct MassiveSite {
  std::int64_t dim = 0;
  TokenClass token_class = TokenClass::kStart;
  std::int64_t first_layer =
      0; ///< 0-based, first block after which it is massive
  std::int64_t last_layer = 0; ///< 0-based, last such block
  std::int64_t peak_layer =
      0; ///< 0-based, such block of the largest mean magnitude
  double mean = 0, std = 0; ///< signed value, activation units; std with n - 1
  double min = 0, max = 0;  ///< extreme signed values
  double max_over_median = 0; ///< mean over hits of magnitude / median, no unit
  std::int64_t count = 0;     ///< hits
  double sequence_share =
      0; ///< share of sequences in which it is massive after some block
  std::vector<std::int64_t> token_ids =
      {}; ///< up to five commonest tokens at its hits
  std::vector<std::string> tokens =
      {}; ///< their texts, where a tokenizer was at hand
};

/// Result of find_massive.
struct MassiveProfile {
  MassiveCriterion criterion;
  std::int64_t n_sequences = 0;
  std::int64_t length = 0; ///< real tokens of the longest sequence
  std::vector<LayerMagnitudes> layers;
  std::vector<MassiveSite> sites; ///< largest mean magnitude first; one when
                                  ///< nothing meets the criterion
  std::int64_t edit_layer = -1; ///< block to edit at: the first of the top site
  bool meets_criterion = false; ///< false: nothing is massive; the site is the
                                ///< one of the largest max/median
  std::vector<TokenClass> own = {
      TokenClass::kStart}; ///< tokens with a position of their own, from the
                           ///< first: the start; class token and registers
  torch::Tensor means; ///< float64 [layer, own + 1, d_model]: mean at each of
                       ///< these positions and (last) at all others
  torch::Tensor
      hit_means; ///< as means, but over the hits alone where an entry has any

  /// The position of a class of tokens, -1 when it has none of its own.
  std::int64_t position_of(TokenClass token_class) const;

  /// At most `count` first sites that sit at one position of its own (that of
  /// the strongest such site: the starting token, a register), as positions x
  /// dims; all of them when `count` is 0. Throws ConfigError when there are
  /// none.
  Selection top(std::int64_t count = 1) const;

  /// Whatever meets the criterion at the dims of all sites, wherever it stands.
  Selection massive() const;

  /// The means with which set_value leaves a selection as it is on average:
  /// hit_means where entries are selected for their magnitude (kCriterion,
  /// kTopK), else means.
  const torch::Tensor& means_for(const Selection& selection) const;
};

/// One line for tables: "dim 42 at start: blocks 3 to 9 (0-based), mean
/// 1520.5 (std 12, n 32), 2210 x median, ...".
std::string describe(const MassiveSite& site);

} // namespace ma
