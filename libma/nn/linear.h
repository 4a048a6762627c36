// An affine map.
#pragma once

#include "libma/core/tensor.h"

namespace ma::nn {

/// y = x weight^T + bias.
struct Linear {
  torch::Tensor weight; ///< [out, in]
  torch::Tensor bias;   ///< [out]; undefined when there is none

  /// `x` is [..., in]; returns [..., out].
  torch::Tensor operator()(const torch::Tensor& x) const;

  /// The map to the outputs [first, first + count) alone.
  Linear slice(std::int64_t first, std::int64_t count) const;
};

} // namespace ma::nn
