// Attention pooling: a learned query reads all tokens (Lee et al. 2019; Zhai et
// al. 2022).
#pragma once

#include <cstdint>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/linear.h"
#include "libma/nn/mlp.h"
#include "libma/nn/norm.h"

namespace ma::nn {

struct AttentionPoolWeights {
  torch::Tensor query; ///< [1, d_model]
  Linear qkv, out;
  NormWeights ln;
  Linear mlp_up, mlp_down;
};

/// a + mlp(ln a), a = attention of the query over x.
class AttentionPool {
 public:
  /// Points `pool.pattern`, `pool.ln.*` and `pool.mlp.*` join `hooks`.
  AttentionPool(
      std::int64_t n_heads,
      const NormOptions& norm,
      Activation activation,
      AttentionPoolWeights weights,
      HookTable& hooks);

  /// `x` is [batch, pos, d_model]; returns [batch, d_model].
  torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  torch::Tensor attend(const torch::Tensor& x) const;

  std::int64_t n_heads_;
  torch::Tensor query_;
  Linear qkv_;
  Linear out_;
  const HookPoint* pattern_;
  Norm ln_;
  Mlp mlp_;
};

} // namespace ma::nn
