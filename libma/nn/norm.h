// RMSNorm and LayerNorm with their scale and normalised activation exposed.
#pragma once

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"

namespace ma::nn {

enum class NormKind { kRms, kLayer };

struct NormOptions {
  NormKind kind = NormKind::kRms;
  double eps = 1e-5; ///< added to the mean square, no unit
};

/// y = c / sqrt(mean(c^2) + eps) * weight + bias, with c = x (RMSNorm) or x -
/// mean(x) (LayerNorm).
///
/// Half-precision inputs are normalised in float32, as Hugging Face does; then
/// `normalized` is x's dtype in RMSNorm and float32 in LayerNorm.
class Norm {
 public:
  /// `weight` and `bias` are [d_model]; `bias` may be undefined. Points
  /// `<name>.scale` and `<name>.normalized` join `hooks`.
  Norm(
      const NormOptions& options,
      torch::Tensor weight,
      torch::Tensor bias,
      HookTable& hooks,
      const std::string& name);

  /// `x` is [..., d_model]; returns the same shape and dtype.
  torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  NormOptions options_;
  torch::Tensor weight_;
  torch::Tensor bias_;
  const HookPoint* scale_;
  const HookPoint* normalized_;
};

} // namespace ma::nn
