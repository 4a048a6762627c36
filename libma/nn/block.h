// A transformer block that reads and writes the residual stream.
#pragma once

#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/attention.h"
#include "libma/nn/mlp.h"
#include "libma/nn/norm.h"

namespace ma::nn {

class Block {
 public:
  virtual ~Block() = default;

  /// The residual stream after the block. `x` is [batch, pos, d_model]; returns
  /// the same shape and never writes to `x`.
  virtual torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const = 0;
};

/// The weights of one pre-norm block.
struct PreNormWeights {
  torch::Tensor ln1_weight, ln1_bias; ///< [d_model]; bias may be undefined
  Linear qkv, attn_out;
  torch::Tensor ln2_weight, ln2_bias; ///< [d_model]; bias may be undefined
  Linear mlp_up, mlp_down;
};

struct PreNormOptions {
  NormOptions norm;
  AttentionOptions attention;
  bool gated_mlp = true;
  Activation activation = nullptr;
};

/// x + attention(norm(x)), then + mlp(norm(.)): LLaMA, GPT-2 and their kin.
class PreNormBlock : public Block {
 public:
  /// `name` is "blocks.{i}"; the block's points join `hooks` in forward order.
  PreNormBlock(
      const PreNormOptions& options,
      PreNormWeights weights,
      HookTable& hooks,
      const std::string& name);

  torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const override;

 private:
  const HookPoint* resid_pre_;
  Norm ln1_;
  Attention attention_;
  const HookPoint* attn_out_;
  const HookPoint* resid_mid_;
  Norm ln2_;
  Mlp mlp_;
  const HookPoint* mlp_out_;
  const HookPoint* resid_post_;
};

} // namespace ma::nn
