// How single vectors look: length, largest entries, how few entries hold most
// of them.
#pragma once

#include <cstdint>

#include "libma/core/tensor.h"

namespace ma {

/// Of vectors x [n, d]; tensors on the CPU, float32 (float64 of float64 x).
struct TokenShapes {
  torch::Tensor rms;        ///< [n]: sqrt(mean(x^2))
  torch::Tensor top_dims;   ///< int64 [n, top]: the largest |x|, largest first
  torch::Tensor top_values; ///< [n, top], signed
  torch::Tensor top_share;  ///< [n]: share of the largest two in sum(x^2)
  torch::Tensor effective_dims; ///< [n]: sum(x^2)^2 / sum(x^4), 1 for a single
                                ///< entry to d for equal ones
  torch::Tensor median;         ///< [n]: torch.median(|x|)
};

/// The shapes of `x` [n, d] with `top` largest entries (at most d). Throws
/// ShapeError when `x` is no floating matrix, or d is less than 2.
TokenShapes token_shapes(const torch::Tensor& x, std::int64_t top);

/// Cosines of `x` [n, head, d] with `y` [m, head, d]: float64 [head, n, m] on
/// the CPU; NaN where one is zero.
torch::Tensor cosines(const torch::Tensor& x, const torch::Tensor& y);

} // namespace ma
