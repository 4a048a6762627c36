// An affine map.
#pragma once

#include "libma/core/tensor.h"

namespace ma::nn {

/// y = x weight^T + bias.
struct Linear {
  torch::Tensor weight; ///< [out, in]
  torch::Tensor bias;   ///< [out]; undefined when there is none

  /// `x` is [..., in]; returns [..., out].
  torch::Tensor operator()(const torch::Tensor& x) const {
    return at::linear(x, weight, bias);
  }
};

} // namespace ma::nn
