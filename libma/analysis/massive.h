// Detection of massive activations (Sun et al. 2024, section 2): streaming
// statistics over calibration sequences.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"
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
  std::array<double, 3> top =
      {};            ///< mean over sequences of the three largest magnitudes
  double median = 0; ///< mean over sequences of the median magnitude
  double max_over_median = 0; ///< mean over sequences of top / median, no unit
  double massive_share =
      0; ///< share of sequences with at least one massive entry
};

/// A feature dim that is massive at one class of tokens.
struct MassiveSite {
  std::int64_t dim = 0;
  TokenClass token_class = TokenClass::kStart;
  std::int64_t first_layer =
      0; ///< 0-based, first block after which it is massive
  std::int64_t last_layer = 0; ///< 0-based, last such block
  std::int64_t peak_layer = 0; ///< 0-based, block of the largest mean magnitude
  double mean = 0, std = 0;    ///< signed value over its hits after the peak
                               ///< block, activation units
  double min = 0, max = 0;     ///< extreme signed values after the peak block
  double max_over_median = 0;  ///< mean over hits, no unit
  std::int64_t count =
      0; ///< entries that met the criterion after the peak block
  double sequence_share =
      0; ///< share of sequences in which it is massive after some block
  std::vector<std::string>
      tokens; ///< up to five commonest token texts at its hits
};

/// Result of find_massive.
struct MassiveProfile {
  MassiveCriterion criterion;
  std::int64_t n_sequences = 0;
  std::int64_t length = 0; ///< tokens of a sequence
  std::vector<LayerMagnitudes> layers;
  std::vector<MassiveSite> sites; ///< largest mean magnitude first; in at least
                                  ///< half of the sequences
  std::int64_t edit_layer =
      -1; ///< block to edit at: the first after which the top site is massive
  bool meets_criterion = false; ///< false: nothing is massive; the top site is
                                ///< the one of the largest max/median
  torch::Tensor means; ///< float64 [layer, 2, d_model]: mean at start (0) and
                       ///< other (1) positions

  /// The first `count` sites that sit at the starting token, as positions x
  /// dims; all sites when `count` is 0.
  Selection top(std::int64_t count = 1) const;
};

} // namespace ma
