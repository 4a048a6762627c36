// softmax(q k^T scale + mask) v, fused or step by step.
#include "libma/nn/attention.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "libma/nn/activation.h"

namespace ma::nn {
namespace {

/// Each key/value head once per query head of its group: [batch, kv_head, pos,
/// d_head] -> [batch, head, pos, d_head].
torch::Tensor repeat_heads(const torch::Tensor& x, std::int64_t n_heads) {
  return x.size(1) == n_heads
             ? x
             : x.repeat_interleave(n_heads / x.size(1), /*dim=*/1);
}

constexpr double kMasked = -std::numeric_limits<double>::infinity();
constexpr std::int64_t kRows = 128; // queries of a turn

/// `turn(first, count, last)` for queries [first, last), a few at a time; no
/// key behind them is seen.
template <class Turn>
void in_turns(std::int64_t n_pos, const Turn& turn) {
  for (std::int64_t first = 0; first < n_pos; first += kRows) {
    const auto last = std::min(first + kRows, n_pos);
    turn(first, last - first, last);
  }
}

/// -inf at the keys behind each query of `scores` [..., query, key], whose last
/// key is that of the last query.
void mask_own_turn(const torch::Tensor& scores) {
  const auto count = scores.size(-2);
  const auto is_future =
      at::ones({count, count}, scores.options().dtype(torch::kBool)).triu(1);
  scores.narrow(/*dim=*/-1, scores.size(-1) - count, count)
      .masked_fill_(is_future, kMasked);
}

/// -inf at the keys behind each query of `scores` [batch, head, query_pos,
/// key_pos], one query for each key. By rectangles: filling one takes a third
/// of the time of masking all.
void mask_future(const torch::Tensor& scores) {
  in_turns(scores.size(3), [&](auto first, auto count, auto last) {
    const auto rows = scores.narrow(/*dim=*/2, first, count);
    mask_own_turn(rows.narrow(/*dim=*/3, 0, last));
    rows.slice(/*dim=*/3, last).fill_(kMasked);
  });
}

/// [batch, head, pos, d_head] -> [slice, pos, d_head]
torch::Tensor slices_of(const torch::Tensor& x) {
  return x.reshape({-1, x.size(2), x.size(3)});
}

/// softmax of `scores` over keys, at least in float32; in their own memory
/// where nobody else may hold it: fresh pages cost more than the softmax.
torch::Tensor softmax(torch::Tensor scores, bool is_ours) {
  const bool is_half = scores.scalar_type() == torch::kHalf ||
                       scores.scalar_type() == torch::kBFloat16;
  if (is_half) {
    return at::softmax(scores, /*dim=*/-1, torch::kFloat32);
  }
  return is_ours ? at::softmax_out(scores, scores, /*dim=*/-1)
                 : at::softmax(scores, /*dim=*/-1);
}

/// Whether plain causal attention goes by turns: half of the products are never
/// made, and scores stay in the cache. Other devices would wait for the calls.
bool goes_by_turns(const torch::Tensor& q, const torch::Tensor& k) {
  const bool is_precise =
      q.scalar_type() == torch::kFloat32 || q.scalar_type() == torch::kFloat64;
  return q.is_cpu() && is_precise && q.size(2) > 2 * kRows &&
         q.size(2) == k.size(2);
}

/// softmax(q k^T scale) of plain causal attention: [batch, head, query_pos,
/// key_pos]. `q` and `k` are [batch, head, pos, d_head].
torch::Tensor causal_pattern(
    const AttentionOptions& options,
    const torch::Tensor& q,
    const torch::Tensor& k) {
  const auto n_pos = q.size(2);
  auto pattern = at::empty({q.size(0), q.size(1), n_pos, n_pos}, q.options());
  const auto rows = slices_of(pattern); // [slice, query_pos, key_pos]
  const auto queries = slices_of(q * options.scale);
  const auto keys = slices_of(k).transpose(1, 2); // [slice, d_head, pos]
  const auto work = at::empty({rows.size(0) * kRows * n_pos}, q.options());
  in_turns(n_pos, [&](auto first, auto count, auto last) {
    auto scores = work.narrow(/*dim=*/0, 0, rows.size(0) * count * last)
                      .view({rows.size(0), count, last});
    at::bmm_out(
        scores,
        queries.narrow(/*dim=*/1, first, count),
        keys.narrow(/*dim=*/2, 0, last));
    soft_cap(scores, options.softcap);
    mask_own_turn(scores);
    const auto of_turn = rows.narrow(/*dim=*/1, first, count);
    of_turn.narrow(/*dim=*/2, 0, last).copy_(softmax(scores, true));
    of_turn.slice(/*dim=*/2, last).zero_();
  });
  return pattern;
}

/// pattern v, where no query gives anything to keys behind it: [batch, head,
/// pos, d_head].
torch::Tensor causal_product(
    const torch::Tensor& pattern, const torch::Tensor& v) {
  auto z = at::empty(
      {v.size(0), v.size(1), pattern.size(2), v.size(3)}, v.options());
  const auto rows = slices_of(z);
  const auto weights = slices_of(pattern);
  const auto values = slices_of(v);
  in_turns(pattern.size(2), [&](auto first, auto count, auto last) {
    rows.narrow(/*dim=*/1, first, count)
        .copy_(
            at::bmm(
                weights.narrow(/*dim=*/1, first, count)
                    .narrow(/*dim=*/2, 0, last),
                values.narrow(/*dim=*/1, 0, last)));
  });
  return z;
}

} // namespace

Attention::Attention(
    const AttentionOptions& options,
    AttentionWeights weights,
    HookTable& hooks,
    const std::string& name)
    : options_(options),
      qkv_(std::move(weights.qkv)),
      out_(std::move(weights.out)),
      q_(&hooks.add_point(name + ".q")),
      k_(&hooks.add_point(name + ".k")),
      v_(&hooks.add_point(name + ".v")) {
  if (options_.qk_norm != QkNorm::kNone) {
    const std::int64_t n_dims =
        options_.qk_norm == QkNorm::kAcrossHeads ? 2 : 1;
    q_norm_.emplace(
        options_.norm,
        std::move(weights.q_norm),
        hooks,
        name + ".q_norm",
        n_dims);
    k_norm_.emplace(
        options_.norm,
        std::move(weights.k_norm),
        hooks,
        name + ".k_norm",
        n_dims);
  }
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
  Heads heads = project(x, context.rope);
  if (context.cache != nullptr) {
    std::tie(heads.k, heads.v) = context.cache->append(
        context.layer, heads.k, heads.v); // [batch, kv_head, key_pos, d_head]
  }
  const bool is_explicit =
      attn_scores_->active() || pattern_->active() || options_.softcap > 0;
  auto z = is_explicit ? explicit_path(heads, context.mask)
                       : fused(heads, context.mask);
  z = (*z_)(z.transpose(1, 2));            // [batch, pos, head, d_head]
  return out_(z.flatten(/*start_dim=*/2)); // [batch, pos, d_model]
}

Attention::Heads Attention::project(
    const torch::Tensor& x, const RopeTable* rope) const {
  const auto heads = options_.n_heads;
  const auto kv_heads = options_.n_kv_heads;
  auto qkv = qkv_(x);
  if (options_.clip > 0) {
    qkv.clamp_(-options_.clip, options_.clip);
  }
  qkv = qkv.view(
      {x.size(0),
       x.size(1),
       heads + 2 * kv_heads,
       options_.d_head}); // [batch, pos, head + 2 kv_head, d_head]
  auto q = (*q_)(qkv.narrow(/*dim=*/2, 0, heads)); // [batch, pos, head, d_head]
  auto k = (*k_)(
      qkv.narrow(/*dim=*/2, heads, kv_heads)); // [batch, pos, kv_head, d_head]
  auto v = (*v_)(qkv.narrow(
      /*dim=*/2, heads + kv_heads, kv_heads)); // [batch, pos, kv_head, d_head]
  if (q_norm_ && k_norm_) {
    q = (*q_norm_)(q);
    k = (*k_norm_)(k);
  }
  if (options_.has_rotary) {
    q = (*rot_q_)(apply_rope(q, *rope));
    k = (*rot_k_)(apply_rope(k, *rope));
  }
  return {q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)};
}

torch::Tensor Attention::fused(
    const Heads& heads, const AttentionMask* mask) const {
  torch::Tensor allowed;
  if (options_.has_alibi) {
    allowed = mask->bias(options_.window, heads.q.scalar_type());
  } else if (options_.is_causal) {
    allowed = mask->allowed(options_.window);
  }
  return at::scaled_dot_product_attention(
      heads.q,
      heads.k,
      heads.v,
      allowed.defined() ? std::optional(allowed) : std::nullopt,
      /*dropout_p=*/0.0,
      /*is_causal=*/options_.is_causal && !allowed.defined(),
      options_.scale,
      /*enable_gqa=*/options_.n_heads != options_.n_kv_heads);
}

void Attention::mask_scores(
    torch::Tensor& scores, const AttentionMask& mask) const {
  if (options_.has_alibi) {
    scores.add_(mask.bias(options_.window, scores.scalar_type()));
    return;
  }
  const auto& allowed = mask.allowed(options_.window);
  if (!allowed.defined()) {
    return mask_future(scores);
  }
  scores.masked_fill_(allowed.logical_not(), kMasked);
}

torch::Tensor Attention::explicit_path(
    const Heads& heads, const AttentionMask* mask) const {
  const auto& q = heads.q;
  const auto k = repeat_heads(heads.k, options_.n_heads);
  const auto v = repeat_heads(heads.v, options_.n_heads);
  const bool is_plain = options_.is_causal && !options_.has_alibi &&
                        !mask->allowed(options_.window).defined();
  if (is_plain && !attn_scores_->active() && goes_by_turns(q, k)) {
    const auto made = causal_pattern(options_, q, k);
    const auto pattern = (*pattern_)(made);
    return pattern.is_same(made) ? causal_product(made, v)
                                 : at::matmul(pattern, v);
  }
  auto scores = at::matmul(q, k.transpose(2, 3)).mul_(options_.scale);
  soft_cap(scores, options_.softcap);
  if (options_.is_causal) {
    mask_scores(scores, *mask);
  }
  scores =
      (*attn_scores_)(std::move(scores)); // [batch, head, query_pos, key_pos]
  auto pattern = softmax(std::move(scores), !attn_scores_->active());
  pattern = (*pattern_)(
      pattern.to(q.scalar_type())); // [batch, head, query_pos, key_pos]
  return at::matmul(pattern, v);    // [batch, head, pos, d_head]
}

} // namespace ma::nn
