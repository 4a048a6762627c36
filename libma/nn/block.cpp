// The pre-norm block, equations in the order in which they happen.
#include "libma/nn/block.h"

#include <utility>

namespace ma::nn {
namespace {

/// `stream + update`, into the memory of `update` unless a hook may hold it.
torch::Tensor add_to_stream(
    const torch::Tensor& stream,
    torch::Tensor update,
    const HookPoint& update_point) {
  update = update_point(std::move(update));
  return update_point.active() ? stream + update : update.add_(stream);
}

} // namespace

PreNormBlock::PreNormBlock(
    const PreNormOptions& options,
    PreNormWeights weights,
    HookTable& hooks,
    const std::string& name)
    : resid_pre_(&hooks.add_point(name + ".resid_pre")),
      ln1_(
          options.norm,
          std::move(weights.ln1_weight),
          std::move(weights.ln1_bias),
          hooks,
          name + ".ln1"),
      attention_(
          options.attention,
          std::move(weights.qkv),
          std::move(weights.attn_out),
          hooks,
          name + ".attn"),
      attn_out_(&hooks.add_point(name + ".attn_out")),
      resid_mid_(&hooks.add_point(name + ".resid_mid")),
      ln2_(
          options.norm,
          std::move(weights.ln2_weight),
          std::move(weights.ln2_bias),
          hooks,
          name + ".ln2"),
      mlp_(
          options.gated_mlp,
          options.activation,
          std::move(weights.mlp_up),
          std::move(weights.mlp_down),
          hooks,
          name + ".mlp"),
      mlp_out_(&hooks.add_point(name + ".mlp_out")),
      resid_post_(&hooks.add_point(name + ".resid_post")) {}

torch::Tensor PreNormBlock::operator()(
    const torch::Tensor& x, const AttentionContext& context) const {
  const auto pre = (*resid_pre_)(x);
  const auto mid = (*resid_mid_)(
      add_to_stream(pre, attention_(ln1_(pre), context), *attn_out_));
  return (*resid_post_)(add_to_stream(mid, mlp_(ln2_(mid)), *mlp_out_));
}

} // namespace ma::nn
