// What a block adds to the stream after attention.
#pragma once

#include "libma/core/tensor.h"

namespace ma::nn {

class FeedForward {
 public:
  virtual ~FeedForward() = default;

  /// `x` is [batch, pos, d_model]; returns the same shape in memory of its own.
  virtual torch::Tensor operator()(const torch::Tensor& x) const = 0;
};

} // namespace ma::nn
