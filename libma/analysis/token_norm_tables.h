// TokenNorms as tables: kinds of tokens, patches, and the histogram.
#pragma once

#include <cstdint>

#include "libma/analysis/token_norms.h"
#include "libma/core/table.h"

namespace ma {

/// One row a block and kind of token: mean, standard deviation (n - 1), least
/// and largest norm.
Table token_norms_table(const TokenNorms& norms);

/// One row a block: how the norms of patches are distributed, and the shares of
/// those of high norm.
Table patch_norms_table(const TokenNorms& norms);

/// One row a block and bin: how many patches have such a norm; `per_octave`
/// bins between x and 2 x. Throws as LogHistogram::bins.
Table norm_histogram_table(
    const TokenNorms& norms, std::int64_t per_octave = 8);

/// The histograms of all blocks in the same bins: `edges` float64 [bin + 1],
/// `patches` int64 [layer, bin].
struct NormHistograms {
  torch::Tensor edges;
  torch::Tensor patches;
};

/// Throws as LogHistogram::bins.
NormHistograms norm_histograms(
    const TokenNorms& norms,
    std::int64_t per_octave = LogHistogram::kPerOctave);

} // namespace ma
