// RMSNorm and LayerNorm with their scale and normalised activation exposed.
#pragma once

#include <cstdint>
#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"

namespace ma::nn {

enum class NormKind { kRms, kLayer };

/// Where half precision rounds in an RMSNorm: a choice of each architecture's
/// authors that the checkpoint was trained with.
enum class NormRounding { kBeforeGain, kAfterGain };

struct NormOptions {
  NormKind kind = NormKind::kRms;
  double eps = 1e-5;      ///< added to the mean square, no unit
  double gain_offset = 0; ///< the gain is offset + weight; 1 in Gemma
  NormRounding rounding = NormRounding::kBeforeGain; ///< RMSNorm alone
};

/// Gain and bias; either may be undefined.
struct NormWeights {
  torch::Tensor weight, bias; ///< [d_model], [d_head] or [head, d_head]
};

/// y = c / sqrt(mean(c^2) + eps) * gain + bias, with c = x (RMSNorm) or x -
/// mean(x) (LayerNorm).
///
/// Half-precision inputs are normalised in float32, as Hugging Face does; then
/// `normalized` is x's dtype in RMSNorm that rounds before the gain, else
/// float32.
class Norm {
 public:
  /// Points `<name>.scale` and `<name>.normalized` join `hooks`. Statistics are
  /// of the last `n_dims` dims of x, 1 or 2: with 2, x is [batch, pos, head,
  /// d_head], the scale is repeated for each head, and weights are [head,
  /// d_head].
  Norm(
      const NormOptions& options,
      NormWeights weights,
      HookTable& hooks,
      const std::string& name,
      std::int64_t n_dims = 1);

  /// `x` is [..., d_model]; returns the same shape and dtype.
  torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  torch::Tensor scale(const torch::Tensor& centred) const;

  NormOptions options_;
  NormWeights weights_;
  std::int64_t n_dims_;
  const HookPoint* scale_;
  const HookPoint* normalized_;
};

} // namespace ma::nn
