// The forward pass of a decoder in three steps: embed, run_blocks, unembed.
#include "libma/models/decoder.h"

#include <cmath>
#include <utility>

#include "libma/core/error.h"
#include "libma/models/token_scores.h"

namespace ma {
namespace {

/// Position of each token in its sequence, int64 [pos] when all rows are alike,
/// else [batch, pos].
torch::Tensor token_positions(const torch::Tensor& x, const TokenBatch& batch) {
  if (batch.positions.defined()) {
    return batch.positions;
  }
  if (!batch.mask.defined()) {
    return at::arange(x.size(1), x.options().dtype(torch::kInt64));
  }
  return (batch.mask.to(x.device()).to(torch::kInt64).cumsum(/*dim=*/1) - 1)
      .clamp_min(0);
}

/// Which keys each query may see, bool [batch, 1, query_pos, key_pos];
/// undefined when plain causal is enough.
torch::Tensor allowed_keys(const torch::Tensor& x, const TokenBatch& batch) {
  if (batch.visible.defined()) {
    return batch.visible.unsqueeze(1);
  }
  if (!batch.mask.defined()) {
    return {};
  }
  const auto pos = x.size(1);
  const auto options = x.options().dtype(torch::kBool);
  const auto causal = at::ones({pos, pos}, options).tril();
  const auto allowed =
      causal.logical_and(batch.mask.to(x.device()).view({-1, 1, 1, pos}));
  return allowed.logical_or(
      at::eye(pos, options)); // a padding query sees itself, so that its
                              // softmax is finite
}

} // namespace

void DecoderConfig::check(const std::string& where) const {
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) {
      throw ConfigError(where, problem);
    }
  };
  require(
      n_layers > 0 && d_model > 0 && n_heads > 0 && d_mlp > 0 && vocab > 0,
      "a model size is missing or not positive");
  require(
      n_kv_heads > 0 && n_heads % n_kv_heads == 0,
      c10::str(
          "the number of heads (",
          n_heads,
          ") must be a multiple of the key/value heads (",
          n_kv_heads,
          ")"));
  require(
      d_head > 0,
      c10::str(
          "d_head is ",
          d_head,
          "; d_model ",
          d_model,
          " with ",
          n_heads,
          " heads gives none"));
  require(
      has_learned_positions || (rope.d_rotary > 0 && rope.d_rotary % 2 == 0 &&
                                rope.d_rotary <= d_head),
      c10::str(
          "the rotary dimension ",
          rope.d_rotary,
          " must be even, positive and at most d_head = ",
          d_head));
}

Decoder::Decoder(
    const DecoderConfig& config, WeightLoader& weights, HookTable& hooks)
    : config_(config) {
  embedding_ = weights.take("embed.weight", {config.vocab, config.d_model});
  embed_ = &hooks.add_point("embed");
  if (config.has_learned_positions) {
    positions_ = weights.take(
        "pos_embed.weight", {config.max_positions, config.d_model});
    pos_embed_ = &hooks.add_point("pos_embed");
  }
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    blocks_.push_back(make_block(layer, weights, hooks));
  }
  const auto bias = config.has_norm_bias
                        ? weights.take("ln_final.bias", {config.d_model})
                        : torch::Tensor();
  ln_final_ = std::make_unique<nn::Norm>(
      config.norm,
      weights.take("ln_final.weight", {config.d_model}),
      bias,
      hooks,
      "ln_final");
  ln_final_scale_ = &hooks.point("ln_final.scale");
  ln_final_normalized_ = &hooks.point("ln_final.normalized");
  if (config.has_tied_unembedding) {
    weights.skip("unembed.weight");
    unembedding_.weight = embedding_;
  } else {
    unembedding_.weight =
        weights.take("unembed.weight", {config.vocab, config.d_model});
  }
  logits_ = &hooks.add_point("logits");
}

std::unique_ptr<nn::Block> Decoder::make_block(
    std::int64_t layer, WeightLoader& weights, HookTable& hooks) const {
  const DecoderConfig& c = config_;
  const auto take = [&](const char* name,
                        std::vector<std::int64_t> shape,
                        bool exists = true) {
    return exists
               ? weights.take(
                     std::string("blocks.{}.") + name, std::move(shape), layer)
               : torch::Tensor();
  };
  const auto d_q = c.n_heads * c.d_head;
  const auto d_qkv = d_q + 2 * c.n_kv_heads * c.d_head;
  const auto d_up = c.has_gated_mlp ? 2 * c.d_mlp : c.d_mlp;

  nn::PreNormWeights w;
  w.ln1_weight = take("ln1.weight", {c.d_model});
  w.ln1_bias = take("ln1.bias", {c.d_model}, c.has_norm_bias);
  w.qkv = {
      take("attn.qkv.weight", {d_qkv, c.d_model}),
      take("attn.qkv.bias", {d_qkv}, c.has_qkv_bias)};
  w.attn_out = {
      take("attn.out.weight", {c.d_model, d_q}),
      take("attn.out.bias", {c.d_model}, c.has_attn_out_bias)};
  w.ln2_weight = take("ln2.weight", {c.d_model});
  w.ln2_bias = take("ln2.bias", {c.d_model}, c.has_norm_bias);
  w.mlp_up = {
      take("mlp.up.weight", {d_up, c.d_model}),
      take("mlp.up.bias", {d_up}, c.has_mlp_bias)};
  w.mlp_down = {
      take("mlp.down.weight", {c.d_model, c.d_mlp}),
      take("mlp.down.bias", {c.d_model}, c.has_mlp_bias)};

  nn::PreNormOptions options;
  options.norm = c.norm;
  options.attention = {
      .n_heads = c.n_heads,
      .n_kv_heads = c.n_kv_heads,
      .d_head = c.d_head,
      .scale = c.attention_scale > 0
                   ? c.attention_scale
                   : 1 / std::sqrt(static_cast<double>(c.d_head)),
      .has_rotary = !c.has_learned_positions};
  options.gated_mlp = c.has_gated_mlp;
  options.activation = nn::find_activation(c.activation, c.architecture);
  return std::make_unique<nn::PreNormBlock>(
      options, std::move(w), hooks, c10::str("blocks.", layer));
}

torch::Tensor Decoder::embed(const TokenBatch& batch) const {
  auto x =
      (*embed_)(at::embedding(embedding_, batch.ids)); // [batch, pos, d_model]
  if (pos_embed_ == nullptr) {
    return x;
  }
  const auto places = token_positions(x, batch);
  if (const auto longest = places.max().item<std::int64_t>() + 1;
      longest > config_.max_positions) {
    throw ShapeError(
        "ids",
        c10::str(
            "a row has ",
            longest,
            " tokens; the model has ",
            config_.max_positions,
            " positions"));
  }
  const auto positions =
      at::embedding(positions_, places); // [(batch,) pos, d_model]
  return x + (*pos_embed_)(positions.expand_as(x));
}

torch::Tensor Decoder::run_blocks(
    torch::Tensor x,
    std::int64_t first,
    std::int64_t last,
    const TokenBatch& batch,
    nn::KeyValueCache* cache) const {
  nn::AttentionContext context;
  context.cache = cache;
  context.allowed = allowed_keys(x, batch);
  if (!config_.has_learned_positions) {
    context.rope = nn::make_rope_table(
        config_.rope, token_positions(x, batch), x.scalar_type());
  }
  for (std::int64_t layer = first; layer < last; ++layer) {
    context.layer = layer;
    x = (*blocks_[static_cast<std::size_t>(layer)])(x, context);
  }
  return x;
}

torch::Tensor Decoder::unembed(const torch::Tensor& x) const {
  return (*logits_)(unembedding_((*ln_final_)(x)));
}

TokenScores Decoder::score(
    const torch::Tensor& x,
    const torch::Tensor& targets,
    const torch::Tensor& rows) const {
  return score_targets(
      (*ln_final_)(x.unsqueeze(0)).squeeze(0), unembedding_, targets, rows);
}

bool Decoder::has_output_hooks() const {
  return ln_final_scale_->active() || ln_final_normalized_->active() ||
         logits_->active();
}

} // namespace ma
