// One list of a block's parameters, for loading, plans and tests alike.
#include "libma/models/block_parameters.h"

#include <cmath>
#include <utility>
#include <vector>

namespace ma {
namespace {

/// Takes the parameters of one block.
class BlockTaker {
 public:
  BlockTaker(
      const TransformerConfig& c, std::int64_t layer, WeightLoader& weights)
      : c_(c), layer_(layer), weights_(weights) {}

  torch::Tensor take(
      const char* name, std::vector<std::int64_t> shape, bool exists = true) {
    return exists
               ? weights_.take(
                     std::string("blocks.{}.") + name, std::move(shape), layer_)
               : torch::Tensor();
  }

  nn::NormWeights norm(const char* name, bool exists) {
    return exists ? take_norm(
                        c_, std::string("blocks.{}.") + name, weights_, layer_)
                  : nn::NormWeights();
  }

  nn::AttentionWeights attention() {
    const auto d_q = c_.n_heads * c_.d_head;
    const auto d_qkv = d_q + 2 * c_.n_kv_heads * c_.d_head;
    nn::AttentionWeights w;
    w.qkv.weight = take("attn.qkv.weight", {d_qkv, c_.d_model});
    w.qkv.bias = take("attn.qkv.bias", {d_qkv}, c_.has_qkv_bias);
    w.q_norm = qk_norm("attn.q_norm.", c_.n_heads);
    w.k_norm = qk_norm("attn.k_norm.", c_.n_kv_heads);
    w.out.weight = take("attn.out.weight", {c_.d_model, d_q});
    w.out.bias = take("attn.out.bias", {c_.d_model}, c_.has_attn_out_bias);
    return w;
  }

  nn::MixtureWeights mixture() {
    const auto rows = c_.n_experts * c_.d_mlp;
    const auto by_expert = [&](const torch::Tensor& x) {
      return x.defined() ? x.view({c_.n_experts, -1, x.size(1)}) : x;
    };
    nn::MixtureWeights w;
    w.router.weight = take("mlp.router.weight", {c_.n_experts, c_.d_model});
    w.gate = by_expert(take("mlp.experts.gate.weight", {rows, c_.d_model}));
    w.up = by_expert(take("mlp.experts.up.weight", {rows, c_.d_model}));
    w.down = by_expert(
        take("mlp.experts.down.weight", {c_.n_experts * c_.d_model, c_.d_mlp}));
    return w;
  }

  void mlp(nn::BlockWeights& w) {
    const auto d_up = c_.has_gated_mlp ? 2 * c_.d_mlp : c_.d_mlp;
    w.mlp_up.weight = take("mlp.up.weight", {d_up, c_.d_model});
    w.mlp_up.bias = take("mlp.up.bias", {d_up}, c_.has_mlp_bias);
    w.mlp_down.weight = take("mlp.down.weight", {c_.d_model, c_.d_mlp});
    w.mlp_down.bias = take("mlp.down.bias", {c_.d_model}, c_.has_mlp_bias);
  }

 private:
  /// Gains [d_head], or [head, d_head] where each head has its own.
  nn::NormWeights qk_norm(const std::string& name, std::int64_t n_heads) {
    if (c_.qk_norm == nn::QkNorm::kNone) {
      return {};
    }
    const bool is_shared = c_.qk_norm == nn::QkNorm::kHead;
    const auto width = is_shared ? c_.d_head : n_heads * c_.d_head;
    const auto by_head = [&](const torch::Tensor& x) {
      return is_shared || !x.defined() ? x : x.view({n_heads, c_.d_head});
    };
    return {
        by_head(take((name + "weight").c_str(), {width})),
        by_head(take((name + "bias").c_str(), {width}, c_.has_qk_norm_bias))};
  }

  const TransformerConfig& c_;
  std::int64_t layer_;
  WeightLoader& weights_;
};

} // namespace

nn::BlockOptions block_options(const TransformerConfig& c, std::int64_t layer) {
  nn::BlockOptions options;
  options.kind = c.block;
  options.norm = c.norm;
  options.gated_mlp = c.has_gated_mlp;
  options.activation = nn::find_activation(c.activation, c.architecture);
  options.mixture = {
      .n_experts = c.n_experts,
      .n_used = c.n_experts_used,
      .activation = options.activation};
  const double scale = c.attention_scale > 0
                           ? c.attention_scale
                           : 1 / std::sqrt(static_cast<double>(c.d_head));
  options.attention = {
      .n_heads = c.n_heads,
      .n_kv_heads = c.n_kv_heads,
      .d_head = c.d_head,
      .scale =
          c.has_scale_by_layer ? scale / static_cast<double>(layer + 1) : scale,
      .is_causal = c.is_causal,
      .has_rotary = c.has_rotary(),
      .has_alibi = c.positions == PositionKind::kAlibi,
      .window = c.window(layer),
      .softcap = c.attention_softcap,
      .clip = c.qkv_clip,
      .qk_norm = c.qk_norm,
      .norm = c.norm};
  return options;
}

nn::NormWeights take_norm(
    const TransformerConfig& c,
    const std::string& name,
    WeightLoader& weights,
    std::int64_t layer) {
  const auto take = [&](const char* part, bool exists) {
    return exists ? weights.take(name + part, {c.d_model}, layer)
                  : torch::Tensor();
  };
  return {take(".weight", c.has_norm_weight), take(".bias", c.has_norm_bias)};
}

nn::BlockWeights take_block(
    const TransformerConfig& c, std::int64_t layer, WeightLoader& weights) {
  BlockTaker taker(c, layer, weights);
  const nn::BlockNorms norms = nn::norms_of(c.block);
  nn::BlockWeights w;
  w.ln1 = taker.norm("ln1", norms.ln1);
  w.attention = taker.attention();
  w.ln1_post = taker.norm("ln1_post", norms.ln1_post);
  w.attn_gain = taker.take("attn.gain", {c.d_model}, c.has_layer_scale);
  w.ln2 = taker.norm("ln2", norms.ln2);
  if (c.n_experts > 0) {
    w.mixture = taker.mixture();
  } else {
    taker.mlp(w);
  }
  w.ln2_post = taker.norm("ln2_post", norms.ln2_post);
  w.mlp_gain = taker.take("mlp.gain", {c.d_model}, c.has_layer_scale);
  return w;
}

} // namespace ma
