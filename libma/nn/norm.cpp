// One pass for the scale, one for x / scale, one in place for the gain.
#include "libma/nn/norm.h"

#include <utility>

namespace ma::nn {

Norm::Norm(
    const NormOptions& options,
    torch::Tensor weight,
    torch::Tensor bias,
    HookTable& hooks,
    const std::string& name)
    : options_(options),
      weight_(std::move(weight)),
      bias_(std::move(bias)),
      scale_(&hooks.add_point(name + ".scale")),
      normalized_(&hooks.add_point(name + ".normalized")) {}

torch::Tensor Norm::operator()(const torch::Tensor& x) const {
  const bool is_half =
      x.scalar_type() == torch::kHalf || x.scalar_type() == torch::kBFloat16;
  auto centred = is_half ? x.to(torch::kFloat32) : x;
  if (options_.kind == NormKind::kLayer) {
    centred = centred - centred.mean(/*dim=*/-1, /*keepdim=*/true);
  }
  auto scale =
      at::linalg_vector_norm(centred, /*ord=*/2, /*dim=*/-1, /*keepdim=*/true);
  scale = scale.square_()
              .div_(centred.size(-1))
              .add_(options_.eps)
              .sqrt_(); // [..., 1]
  scale = (*scale_)(std::move(scale));

  // Where half precision rounds is Hugging Face's choice: before the gain in
  // RMSNorm, after the bias in LayerNorm.
  const auto dtype = options_.kind == NormKind::kLayer ? centred.scalar_type()
                                                       : x.scalar_type();
  auto normalized = (*normalized_)((centred / scale).to(dtype));
  // A hook may have kept or returned any tensor: only our own may be
  // overwritten.
  auto y = normalized_->active() ? normalized * weight_.to(dtype)
                                 : normalized.mul_(weight_.to(dtype));
  return (bias_.defined() ? y.add_(bias_.to(dtype)) : y).to(x.scalar_type());
}

} // namespace ma::nn
