// One pass for the scale, one for x / scale, one in place for the gain.
#include "libma/nn/norm.h"

#include <utility>
#include <vector>

namespace ma::nn {
namespace {

std::vector<std::int64_t> last_dims(std::int64_t count) {
  return count == 1 ? std::vector<std::int64_t>{-1}
                    : std::vector<std::int64_t>{-2, -1};
}

} // namespace

Norm::Norm(
    const NormOptions& options,
    NormWeights weights,
    HookTable& hooks,
    const std::string& name,
    std::int64_t n_dims)
    : options_(options),
      weights_(std::move(weights)),
      n_dims_(n_dims),
      scale_(&hooks.add_point(name + ".scale")),
      normalized_(&hooks.add_point(name + ".normalized")) {}

torch::Tensor Norm::scale(const torch::Tensor& centred) const {
  const auto dims = last_dims(n_dims_);
  std::int64_t count = 1;
  for (const auto dim : dims) {
    count *= centred.size(dim);
  }
  auto scale =
      at::linalg_vector_norm(centred, /*ord=*/2, dims, /*keepdim=*/true)
          .square_()
          .div_(count)
          .add_(options_.eps)
          .sqrt_(); // [..., 1]
  if (n_dims_ == 1) {
    return scale;
  }
  auto shape = centred.sizes().vec();
  shape.back() = 1;
  return scale.expand(shape); // [batch, pos, head, 1]
}

torch::Tensor Norm::operator()(const torch::Tensor& x) const {
  const bool is_half =
      x.scalar_type() == torch::kHalf || x.scalar_type() == torch::kBFloat16;
  auto centred = is_half ? x.to(torch::kFloat32) : x;
  if (options_.kind == NormKind::kLayer) {
    centred = centred - centred.mean(last_dims(n_dims_), /*keepdim=*/true);
  }
  const auto divisor = (*scale_)(scale(centred));

  // Where half precision rounds is Hugging Face's choice: before the gain in
  // most RMSNorms, after gain and bias elsewhere.
  const bool rounds_first = options_.kind == NormKind::kRms &&
                            options_.rounding == NormRounding::kBeforeGain;
  const auto dtype = rounds_first ? x.scalar_type() : centred.scalar_type();
  auto y = (*normalized_)((centred / divisor).to(dtype));
  // A hook may have kept or returned any tensor: only our own may be
  // overwritten.
  const bool is_hooked = normalized_->active();
  if (weights_.weight.defined()) {
    auto gain = weights_.weight.to(dtype);
    gain = options_.gain_offset == 0 ? gain : gain + options_.gain_offset;
    y = is_hooked ? y * gain : y.mul_(gain);
  }
  if (is_hooked && !weights_.weight.defined() && !weights_.bias.defined()) {
    return y.to(x.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  }
  if (weights_.bias.defined()) {
    const auto bias = weights_.bias.to(dtype);
    const bool is_ours = weights_.weight.defined() || !is_hooked;
    y = is_ours ? y.add_(bias) : y + bias;
  }
  return y.to(x.scalar_type());
}

} // namespace ma::nn
