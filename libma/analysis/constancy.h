// Whether activations depend on the input (Sun et al. 2024, section 2.3, Table
// 2): the spread of signed values at fixed places.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/analysis/layer_magnitudes.h"

namespace ma {

/// One place: a dim at the first token of a class in each sequence.
struct PlaceConstancy {
  TokenClass token_class = TokenClass::kStart;
  std::string activation =
      {};            ///< "top 1", "top 2", "top 1 %", "top 10 %" or "median"
  double wanted = 0; ///< the hidden state's magnitude of that rank, mean over
                     ///< sequences; of "top 1" and "top 2" the place's own
  std::int64_t dim = 0;
  double magnitude = 0;     ///< mean |x|
  double mean = 0, std = 0; ///< signed value over sequences; std with n - 1
  std::int64_t count = 0;   ///< sequences
  double variation = 0;     ///< std / |mean|, the coefficient of variation
};

/// The places of the stream after block `layer` (-1: before block 0), start
/// first, then the other classes that any sequence has.
///
/// In each class the two dims of the largest mean magnitude, and those whose
/// mean magnitude is nearest to what the largest 1 % and 10 % of the whole
/// hidden state reach and to its median. Throws ConfigError when there is no
/// such block.
std::vector<PlaceConstancy> constancy(
    const Magnitudes& magnitudes, std::int64_t layer);

} // namespace ma
