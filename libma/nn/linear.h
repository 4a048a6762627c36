// An affine map.
#pragma once

#include <string_view>

#include "libma/core/tensor.h"

namespace ma::nn {

/// Which library multiplies float32 matrices on the CPU: "onednn", or "aten"
/// for ATen's own choice.
std::string_view product_library();

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
