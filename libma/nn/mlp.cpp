// Both kinds of MLP in one forward.
#include "libma/nn/mlp.h"

#include <utility>

namespace ma::nn {

Mlp::Mlp(
    bool is_gated,
    Activation activation,
    Linear up,
    Linear down,
    HookTable& hooks,
    const std::string& name)
    : activation_(activation),
      up_(std::move(up)),
      down_(std::move(down)),
      pre_(&hooks.add_point(name + ".pre")) {
  if (is_gated) {
    pre_linear_ = &hooks.add_point(name + ".pre_linear");
  }
  post_ = &hooks.add_point(name + ".post");
}

torch::Tensor Mlp::operator()(const torch::Tensor& x) const {
  const auto up = up_(x); // [batch, pos, d_mlp] or [batch, pos, 2 d_mlp]
  if (pre_linear_ == nullptr) {
    return down_((*post_)(activation_((*pre_)(up))));
  }
  const auto d_mlp = up.size(-1) / 2;
  const auto pre =
      (*pre_)(up.narrow(/*dim=*/-1, 0, d_mlp)); // [batch, pos, d_mlp]
  const auto pre_linear = (*pre_linear_)(
      up.narrow(/*dim=*/-1, d_mlp, d_mlp)); // [batch, pos, d_mlp]
  return down_((*post_)(activation_(pre).mul_(pre_linear)));
}

} // namespace ma::nn
