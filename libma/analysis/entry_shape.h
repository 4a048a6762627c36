// How heavy the tails of a hidden state are, without thresholds: kurtosis
// (Bondarenko et al. 2023; He et al. 2024), and what INT8 makes of it.
#pragma once

#include <vector>

#include "libma/core/magnitudes.h"
#include "libma/core/tensor.h"
#include "libma/hooks/real_tokens.h"

namespace ma {

/// Of one hidden state of one sequence; no units.
///
/// INT8 is symmetric with one scale a tensor: q = round(x / scale), halves to
/// even, scale = max|x| / 127; an error is sqrt(sum (x - q scale)^2 / sum x^2).
struct EntryShape {
  double kurtosis = 0; ///< fourth central moment / squared variance of all
                       ///< entries: 3 for a normal distribution
  double neuron_rms_kurtosis =
      0; ///< mean(s^4) / mean(s^2)^2, s the RMS over tokens of each dim: 1 when
         ///< all are alike, d_model when all is in one
  double token_max_over_median =
      0;                 ///< mean over tokens of max / median magnitude
  double int8_error = 0; ///< of all entries
  double int8_error_of_rest =
      0; ///< of the entries that are not massive, quantised with the massive
         ///< ones: what these cost the others
  double int8_error_apart =
      0; ///< of the entries that are not massive, quantised without them
};

/// The shape of the `tokens` of `x` [pos, d_model], a contiguous CPU tensor.
/// `found` is what scan_magnitudes said of it, with `top` at least 1; an entry
/// is massive when |x| > `threshold`. Sums are float64, without a float64 copy
/// of `x`; the same for any number of threads.
EntryShape entry_shape(
    const torch::Tensor& x,
    const RealTokens& tokens,
    const RowMagnitudes& found,
    double threshold);

} // namespace ma
