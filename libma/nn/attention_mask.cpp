// Causal, padding, windows and token trees in one boolean mask; ALiBi on top.
#include "libma/nn/attention_mask.h"

#include <cmath>
#include <limits>
#include <utility>

namespace ma::nn {
namespace {

/// 2^(-8 i / n), i = 1..n, by powers of a float32 base.
torch::Tensor slopes_of_power(std::int64_t n, std::int64_t step) {
  const auto base = at::scalar_tensor(
      std::pow(2.0, -std::pow(2.0, -(std::log2(n) - 3))), torch::kFloat32);
  return at::pow(base, at::arange(1, 1 + n, step, torch::kInt32));
}

} // namespace

torch::Tensor alibi_slopes(std::int64_t n_heads) {
  if (n_heads <= 0) {
    return at::empty({0}, torch::kFloat32); // the configuration's check speaks
  }
  std::int64_t power = 1;
  while (2 * power <= n_heads) {
    power *= 2;
  }
  const auto slopes = slopes_of_power(power, /*step=*/1);
  return power == n_heads ? slopes
                          : at::cat(
                                {slopes,
                                 slopes_of_power(2 * power, /*step=*/2)
                                     .narrow(/*dim=*/0, 0, n_heads - power)});
}

AttentionMask::AttentionMask(
    const TokenBatch& batch,
    std::int64_t n_queries,
    torch::Device device,
    AlibiOptions alibi)
    : mask_(batch.mask), n_queries_(n_queries), alibi_(std::move(alibi)) {
  const auto on_device = [&](const torch::Tensor& x) {
    return x.defined() ? x.to(device) : x;
  };
  mask_ = on_device(batch.mask);
  visible_ = on_device(batch.visible);
  alibi_.slopes = on_device(alibi_.slopes);
  if (batch.positions.defined()) {
    query_places_ = on_device(batch.positions);
  } else if (mask_.defined()) {
    query_places_ =
        (mask_.to(torch::kInt64).cumsum(/*dim=*/1) - 1).clamp_min(0);
  } else {
    query_places_ = at::arange(
        n_queries, at::TensorOptions().dtype(torch::kInt64).device(device));
  }
  key_places_ = batch.key_positions.defined() ? on_device(batch.key_positions)
                                              : query_places_;
}

torch::Tensor AttentionMask::distances() const {
  return query_places_.unsqueeze(-1) -
         key_places_.unsqueeze(-2); // [(batch,) query_pos, key_pos]
}

const torch::Tensor& AttentionMask::allowed(std::int64_t window) const {
  // Places are columns here: a window that no row outgrows changes nothing.
  const bool is_whole =
      window == 0 || (!visible_.defined() && n_queries_ <= window);
  const auto key = is_whole ? 0 : window;
  const auto found = allowed_.find(key);
  return found != allowed_.end()
             ? found->second
             : allowed_.emplace(key, make_allowed(key)).first->second;
}

torch::Tensor AttentionMask::make_allowed(std::int64_t window) const {
  if (!visible_.defined() && !mask_.defined() && window == 0) {
    return {};
  }
  const auto options = query_places_.options().dtype(torch::kBool);
  torch::Tensor allowed;
  if (visible_.defined()) {
    allowed = visible_.unsqueeze(1); // [batch, 1, query_pos, key_pos]
  } else {
    allowed = at::ones({n_queries_, n_queries_}, options).tril();
  }
  if (mask_.defined() && !visible_.defined()) {
    allowed = allowed.logical_and(mask_.view({-1, 1, 1, n_queries_}));
  }
  if (window > 0) {
    const auto near = distances() < window;
    allowed = allowed.logical_and(near.dim() == 3 ? near.unsqueeze(1) : near);
  }
  // A padding query sees itself, so that its softmax is finite.
  return visible_.defined() || !mask_.defined()
             ? allowed
             : allowed.logical_or(at::eye(n_queries_, options));
}

const torch::Tensor& AttentionMask::bias(
    std::int64_t window, torch::ScalarType dtype) const {
  const auto key = std::pair(window, dtype);
  const auto found = bias_.find(key);
  return found != bias_.end()
             ? found->second
             : bias_.emplace(key, make_bias(window, dtype)).first->second;
}

torch::Tensor AttentionMask::make_bias(
    std::int64_t window, torch::ScalarType dtype) const {
  if (!alibi_.slopes.defined()) {
    return {};
  }
  const auto rows = query_places_.dim() == 2 ? query_places_.size(0) : 1;
  const auto slopes = alibi_.slopes.view({1, -1, 1, 1});
  torch::Tensor bias; // [1 or batch, head, 1 or query_pos, key_pos]
  if (alibi_.rounds_to_bfloat16) {
    const auto places = key_places_.view({rows, 1, 1, -1});
    bias = (slopes.to(torch::kBFloat16) * places).to(dtype);
  } else {
    const bool is_double = dtype == torch::kFloat64;
    const auto precise = is_double ? torch::kFloat64 : torch::kFloat32;
    const auto n_keys = key_places_.size(-1);
    bias = (slopes.to(precise) *
            distances().neg().view({rows, 1, n_queries_, n_keys}))
               .to(dtype);
  }
  if (alibi_.factor != 1) {
    bias = bias * alibi_.factor;
  }
  auto allowed = this->allowed(window);
  if (!allowed.defined()) {
    allowed = at::ones(
                  {n_queries_, n_queries_},
                  query_places_.options().dtype(torch::kBool))
                  .tril();
  }
  return bias.masked_fill(
      allowed.logical_not(), -std::numeric_limits<double>::infinity());
}

AttentionMask AttentionMask::to(torch::Device device) const {
  TokenBatch batch;
  batch.mask = mask_;
  batch.visible = visible_;
  batch.positions = query_places_;
  batch.key_positions = key_places_;
  return {batch, n_queries_, device, alibi_};
}

} // namespace ma::nn
