// Magnitudes as tables. Blocks stand in both bases: block -1, layer 0 is the
// stream before block 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libma/analysis/emergence.h"
#include "libma/analysis/layer_magnitudes.h"
#include "libma/core/table.h"

namespace ma {

/// One row a stream: the `top` largest magnitudes, what the largest 1 % and 10
/// % reach, and the median, each with its standard deviation over sequences;
/// share of sequences that meet the criterion (the paper's Figure 4). Throws
/// ConfigError unless `top` is 1 to 5.
Table stream_table(const Magnitudes& magnitudes, std::int64_t top = 3);

/// One row a stream: five largest magnitudes, what the largest 1 % and 10 %
/// reach, median, means over sequences (the paper's Table 1, which shows one
/// sequence); how many of these five meet the criterion.
Table largest_table(const Magnitudes& magnitudes);

/// One row a place of the stream after block `layer`: the paper's Table 2.
/// Throws as constancy.
Table constancy_table(const Magnitudes& magnitudes, std::int64_t layer);

/// One row a site, as sites_table, with its extremes.
Table locations_table(const Magnitudes& magnitudes);

/// One row a massive dim, then one an outlier feature that is not massive
/// (Dettmers et al. 2022): the `most` of the most positions, or all when it is
/// 0.
Table outlier_features_table(
    const Magnitudes& magnitudes, std::int64_t most = 0);

/// A value over the blocks, and how it comes about.
struct EmergenceCurve {
  std::string name = {};      ///< "largest", "dim 42 at start"
  std::vector<double> values; ///< before block 0, then after each block; mean
                              ///< over sequences
  std::optional<Emergence> emergence = {}; ///< absent when a value is not
                                           ///< finite
};

/// The mean largest magnitude, and the signed values of the sites at classes
/// that a sequence has one token of: the start and the first strong delimiter.
std::vector<EmergenceCurve> emergence_curves(const Magnitudes& magnitudes);

/// One row a curve: plateau, who writes it and who erases it.
Table emergence_table(const Magnitudes& magnitudes);

/// One row a stream: metrics without threshold. Kurtosis and INT8 where they
/// were measured.
Table continuous_table(const Magnitudes& magnitudes);

} // namespace ma
