// The feed-forward half of a block: plain or gated (Shazeer 2020).
#pragma once

#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/activation.h"
#include "libma/nn/feed_forward.h"
#include "libma/nn/linear.h"

namespace ma::nn {

/// down(act(pre)) or, gated, down(act(pre) * pre_linear).
class Mlp : public FeedForward {
 public:
  /// `up` maps to [d_mlp], or to [gate | up] = [2 d_mlp] when gated. Points
  /// `<name>.pre` ... join `hooks`.
  Mlp(bool is_gated,
      Activation activation,
      Linear up,
      Linear down,
      HookTable& hooks,
      const std::string& name);

  /// `x` is [batch, pos, d_model]; returns the same shape.
  torch::Tensor operator()(const torch::Tensor& x) const override;

 private:
  Activation activation_;
  Linear up_;
  Linear down_;
  const HookPoint* pre_;
  const HookPoint* pre_linear_ = nullptr; ///< null when not gated
  const HookPoint* post_;
};

} // namespace ma::nn
