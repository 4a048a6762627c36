// How close two computations of the same number must come, by dtype.
#pragma once

#include <algorithm>

#include <gtest/gtest.h>

#include "libma/core/tensor.h"

namespace ma::testing {

/// Largest difference that summation order explains, relative to the largest
/// magnitude of the tensor; no unit.
inline double tolerance(torch::ScalarType dtype) {
  switch (dtype) {
    case torch::kFloat64:
      return 1e-12;
    case torch::kFloat32:
      return 5e-6;
    case torch::kHalf:
      return 5e-3;
    default: // bfloat16 has 8 significant bits
      return 4e-2;
  }
}

/// Largest |a - b| relative to the largest magnitude (at least 1); no unit.
inline double difference(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.to(torch::kCPU, torch::kFloat64);
  const auto y = b.to(torch::kCPU, torch::kFloat64);
  const double scale = std::max(y.abs().max().item<double>(), 1.0);
  return (x - y).abs().max().item<double>() / scale;
}

/// The same bits: also where NaN or a signed zero stands.
inline bool has_same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         a.cpu()
             .contiguous()
             .view(torch::kUInt8)
             .equal(b.cpu().contiguous().view(torch::kUInt8));
}

} // namespace ma::testing

/// Fails unless two tensors of one shape agree within float noise of `a`'s
/// dtype.
#define MA_EXPECT_CLOSE(a, b)              \
  ASSERT_EQ((a).sizes(), (b).sizes());     \
  EXPECT_LE(                               \
      ::ma::testing::difference((a), (b)), \
      ::ma::testing::tolerance((a).scalar_type()))
