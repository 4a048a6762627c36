// Sums of a stream over positions, apart for the first few and all others.
#pragma once

#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/real_tokens.h"

namespace ma {

/// Adds `x` [batch, pos, d_model] to `sums`, float64 [n + 1, d_model] on the
/// CPU: row i at the real token i of each row, the last row at all others. In
/// float64 without a float64 copy of `x`; the same for any number of threads.
void add_position_sums(
    const torch::Tensor& x,
    const std::vector<RealTokens>& tokens,
    torch::Tensor& sums);

} // namespace ma
