// softmax(q k^T scale + mask) v, fused or step by step.
#include "libma/nn/attention.h"

#include <limits>
#include <tuple>
#include <utility>

namespace ma::nn {
namespace {

/// Each key/value head once per query head of its group: [batch, kv_head, pos,
/// d_head] -> [batch, head, pos, d_head].
torch::Tensor repeat_heads(const torch::Tensor& x, std::int64_t n_heads) {
  return x.size(1) == n_heads
             ? x
             : x.repeat_interleave(n_heads / x.size(1), /*dim=*/1);
}

} // namespace

Attention::Attention(
    const AttentionOptions& options,
    Linear qkv,
    Linear out,
    HookTable& hooks,
    const std::string& name)
    : options_(options),
      qkv_(std::move(qkv)),
      out_(std::move(out)),
      q_(&hooks.add_point(name + ".q")),
      k_(&hooks.add_point(name + ".k")),
      v_(&hooks.add_point(name + ".v")) {
  if (options_.has_rotary) {
    rot_q_ = &hooks.add_point(name + ".rot_q");
    rot_k_ = &hooks.add_point(name + ".rot_k");
  }
  attn_scores_ = &hooks.add_point(name + ".attn_scores");
  pattern_ = &hooks.add_point(name + ".pattern");
  z_ = &hooks.add_point(name + ".z");
}

torch::Tensor Attention::operator()(
    const torch::Tensor& x, const AttentionContext& context) const {
  const auto batch = x.size(0);
  const auto pos = x.size(1);
  const auto heads = options_.n_heads;
  const auto kv_heads = options_.n_kv_heads;
  const auto qkv = qkv_(x).view(
      {batch,
       pos,
       heads + 2 * kv_heads,
       options_.d_head}); // [batch, pos, head + 2 kv_head, d_head]

  auto q = (*q_)(qkv.narrow(/*dim=*/2, 0, heads)); // [batch, pos, head, d_head]
  auto k = (*k_)(
      qkv.narrow(/*dim=*/2, heads, kv_heads)); // [batch, pos, kv_head, d_head]
  auto v = (*v_)(qkv.narrow(
      /*dim=*/2, heads + kv_heads, kv_heads)); // [batch, pos, kv_head, d_head]
  if (options_.has_rotary) {
    q = (*rot_q_)(apply_rope(q, *context.rope));
    k = (*rot_k_)(apply_rope(k, *context.rope));
  }

  q = q.transpose(1, 2); // [batch, head, pos, d_head]
  k = k.transpose(1, 2); // [batch, kv_head, pos, d_head]
  v = v.transpose(1, 2); // [batch, kv_head, pos, d_head]
  if (context.cache != nullptr) {
    std::tie(k, v) = context.cache->append(
        context.layer, k, v); // [batch, kv_head, key_pos, d_head]
  }
  const bool is_explicit = attn_scores_->active() || pattern_->active();
  auto z =
      is_explicit ? explicit_path(q, k, v, context) : fused(q, k, v, context);
  z = (*z_)(z.transpose(1, 2)); // [batch, pos, head, d_head]
  return out_(z.reshape(
      {batch, pos, heads * options_.d_head})); // [batch, pos, d_model]
}

torch::Tensor Attention::fused(
    const torch::Tensor& q,
    const torch::Tensor& k,
    const torch::Tensor& v,
    const AttentionContext& context) const {
  return at::scaled_dot_product_attention(
      q,
      k,
      v,
      context.allowed.defined() ? std::optional(context.allowed) : std::nullopt,
      /*dropout_p=*/0.0,
      /*is_causal=*/!context.allowed.defined(),
      options_.scale,
      /*enable_gqa=*/options_.n_heads != options_.n_kv_heads);
}

torch::Tensor Attention::explicit_path(
    const torch::Tensor& q,
    const torch::Tensor& k,
    const torch::Tensor& v,
    const AttentionContext& context) const {
  const auto allowed =
      context.allowed.defined()
          ? context.allowed
          : at::ones({q.size(2), k.size(2)}, q.options().dtype(torch::kBool))
                .tril();
  auto scores = at::matmul(q, repeat_heads(k, options_.n_heads).transpose(2, 3))
                    .mul_(options_.scale);
  scores.masked_fill_(
      allowed.logical_not(), -std::numeric_limits<double>::infinity());
  scores =
      (*attn_scores_)(std::move(scores)); // [batch, head, query_pos, key_pos]
  const bool is_half = scores.scalar_type() == torch::kHalf ||
                       scores.scalar_type() == torch::kBFloat16;
  auto pattern = at::softmax(
      scores, /*dim=*/-1, is_half ? torch::kFloat32 : scores.scalar_type());
  pattern = (*pattern_)(
      pattern.to(q.scalar_type())); // [batch, head, query_pos, key_pos]
  return at::matmul(
      pattern, repeat_heads(v, options_.n_heads)); // [batch, head, pos, d_head]
}

} // namespace ma::nn
