// Sums of a stream over positions, apart for starting and other positions.
#pragma once

#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/real_tokens.h"

namespace ma {

/// Adds `x` [batch, pos, d_model] to `sums`, float64 [2, d_model] on the CPU:
/// row 0 at the first real token of each row, row 1 at the other real ones. In
/// float64 without a float64 copy of `x`; the same for any number of threads.
void add_position_sums(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    torch::Tensor& sums);

} // namespace ma
