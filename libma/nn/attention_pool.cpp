// One query, all keys.
#include "libma/nn/attention_pool.h"

#include <cmath>
#include <utility>

namespace ma::nn {

AttentionPool::AttentionPool(
    std::int64_t n_heads,
    const NormOptions& norm,
    Activation activation,
    AttentionPoolWeights weights,
    HookTable& hooks)
    : n_heads_(n_heads),
      query_(std::move(weights.query)),
      qkv_(std::move(weights.qkv)),
      out_(std::move(weights.out)),
      pattern_(&hooks.add_point("pool.pattern")),
      ln_(norm, std::move(weights.ln), hooks, "pool.ln"),
      mlp_(
          /*is_gated=*/false,
          activation,
          std::move(weights.mlp_up),
          std::move(weights.mlp_down),
          hooks,
          "pool.mlp") {}

torch::Tensor AttentionPool::operator()(const torch::Tensor& x) const {
  const auto attended = attend(x); // [batch, 1, d_model]
  return (attended + mlp_(ln_(attended))).squeeze(1);
}

torch::Tensor AttentionPool::attend(const torch::Tensor& x) const {
  const auto d_model = x.size(2);
  const auto by_head = [&](const torch::Tensor& y) {
    return y.unflatten(/*dim=*/-1, {n_heads_, -1}).transpose(1, 2);
  };
  const auto q = by_head(
      qkv_.slice(0, d_model)(query_).unsqueeze(0)); // [1, head, 1, d_head]
  const auto kv = qkv_.slice(d_model, 2 * d_model)(x);
  const auto k = by_head(kv.narrow(/*dim=*/2, 0, d_model));
  const auto v = by_head(
      kv.narrow(/*dim=*/2, d_model, d_model)); // [batch, head, pos, d_head]
  const auto scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  auto pattern = at::softmax(
      at::matmul(q, k.transpose(2, 3)).mul_(scale),
      /*dim=*/-1); // [batch, head, 1, key_pos]
  pattern = (*pattern_)(std::move(pattern));
  return out_(at::matmul(pattern, v).transpose(1, 2).flatten(2));
}

} // namespace ma::nn
