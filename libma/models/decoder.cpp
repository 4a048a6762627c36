// The forward pass of a decoder in three steps: embed, run_blocks, unembed.
#include "libma/models/decoder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libma/core/error.h"
#include "libma/models/block_parameters.h"
#include "libma/models/token_scores.h"
#include "libma/nn/activation.h"

namespace ma {
namespace {

/// Masks and rotary tables of one pass, made once for each device.
class PassTables {
 public:
  PassTables(
      const DecoderConfig& config,
      const TokenBatch& batch,
      const torch::Tensor& x)
      : config_(config),
        mask_(batch, x.size(1), x.device(), config.alibi),
        dtype_(x.scalar_type()) {}

  /// The context of block `layer` on `device`; lives as long as this.
  nn::AttentionContext context(std::int64_t layer, torch::Device device) {
    nn::AttentionContext context;
    context.layer = layer;
    context.mask = &mask_on(device);
    if (config_.has_rotary()) {
      context.rope = &rope_on(device, config_.rope_of(layer));
    }
    return context;
  }

 private:
  const nn::AttentionMask& mask_on(torch::Device device) {
    const auto key = device.str();
    const auto found = masks_.find(key);
    return found != masks_.end()
               ? found->second
               : masks_.emplace(key, mask_.to(device)).first->second;
  }

  const nn::RopeTable& rope_on(
      torch::Device device, const nn::RopeConfig& rope) {
    const auto key = std::pair(device.str(), &rope);
    const auto found = ropes_.find(key);
    return found != ropes_.end()
               ? found->second
               : ropes_
                     .emplace(
                         key,
                         nn::make_rope_table(rope, mask_.places(), dtype_)
                             .to(device))
                     .first->second;
  }

  const DecoderConfig& config_;
  nn::AttentionMask mask_;
  torch::ScalarType dtype_;
  std::map<std::string, nn::AttentionMask> masks_;
  std::map<std::pair<std::string, const nn::RopeConfig*>, nn::RopeTable> ropes_;
};

} // namespace

Decoder::Decoder(
    const DecoderConfig& config, WeightLoader& weights, HookTable& hooks)
    : config_(config), placement_(weights.placement()) {
  take_embedding(weights, hooks);
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    blocks_.push_back(
        nn::make_block(
            block_options(config, layer),
            take_block(config, layer, weights),
            hooks,
            c10::str("blocks.", layer)));
  }
  take_head(weights, hooks);
  for (const Parameter& parameter : weights.parameters()) {
    n_parameters_ += parameter.is_copy ? 0 : parameter.numel();
  }
}

void Decoder::take_embedding(WeightLoader& weights, HookTable& hooks) {
  const DecoderConfig& c = config_;
  const auto d_embed = c.d_embed > 0 ? c.d_embed : c.d_model;
  embedding_ = weights.take("embed.weight", {c.vocab, d_embed});
  if (c.d_embed > 0) {
    widen_ = nn::Linear{
        weights.take("embed.project.weight", {c.d_model, c.d_embed}), {}};
  }
  embed_ = &hooks.add_point("embed");
  if (c.has_embed_norm) {
    embed_norm_.emplace(
        c.norm, take_norm(c, "embed.ln", weights), hooks, "embed.ln");
  }
  if (c.has_learned_positions()) {
    positions_ = weights.take(
        "pos_embed.weight", {c.max_positions + c.position_offset, c.d_model});
    pos_embed_ = &hooks.add_point("pos_embed");
  }
}

void Decoder::take_head(WeightLoader& weights, HookTable& hooks) {
  const DecoderConfig& c = config_;
  if (c.has_final_norm) {
    ln_final_.emplace(
        c.norm, take_norm(c, "ln_final", weights), hooks, "ln_final");
    output_points_ = {
        &hooks.point("ln_final.scale"), &hooks.point("ln_final.normalized")};
  }
  const auto d_embed = c.d_embed > 0 ? c.d_embed : c.d_model;
  if (c.d_embed > 0) {
    narrow_ = nn::Linear{
        weights.take("unembed.project.weight", {c.d_embed, c.d_model}), {}};
  }
  if (c.has_tied_unembedding) {
    unembedding_.weight = weights.reuse(embedding_, "unembed.weight");
  } else {
    unembedding_.weight = weights.take(
        "unembed.weight", {c.d_text > 0 ? c.d_text : c.vocab, d_embed});
  }
  if (c.has_unembed_bias) {
    unembedding_.bias = weights.take("unembed.bias", {c.vocab});
  }
  logits_ = &hooks.add_point("logits");
  output_points_.push_back(logits_);
}

torch::Tensor Decoder::embed(const TokenBatch& batch) const {
  auto x = at::embedding(embedding_, batch.ids); // [batch, pos, d_embed]
  if (config_.embed_scale != 1) {
    // The factor is rounded to the model's dtype, as Hugging Face does.
    x.mul_(at::scalar_tensor(config_.embed_scale, x.options()));
  }
  x = (*embed_)(widen_ ? (*widen_)(x) : x); // [batch, pos, d_model]
  if (embed_norm_) {
    x = (*embed_norm_)(x);
  }
  return pos_embed_ == nullptr ? x : x + pos_embed(x, batch);
}

torch::Tensor Decoder::pos_embed(
    const torch::Tensor& x, const TokenBatch& batch) const {
  const nn::AttentionMask mask(batch, x.size(1), x.device());
  const auto& places = mask.places();
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
  const auto vectors = at::embedding(
      positions_, places + config_.position_offset); // [(batch,) pos, d_model]
  return (*pos_embed_)(vectors.expand_as(x));
}

torch::Tensor Decoder::run_blocks(
    torch::Tensor x,
    std::int64_t first,
    std::int64_t last,
    const TokenBatch& batch,
    nn::KeyValueCache* cache) const {
  PassTables tables(config_, batch, x);
  for (std::int64_t layer = first; layer < last; ++layer) {
    const auto i = static_cast<std::size_t>(layer);
    const auto device = placement_.blocks[i];
    x = x.to(device);
    auto context = tables.context(layer, device);
    context.cache = cache;
    x = (*blocks_[i])(x, context);
  }
  return x;
}

torch::Tensor Decoder::to_head(const torch::Tensor& x) const {
  auto y = x.to(placement_.head);
  y = ln_final_ ? (*ln_final_)(y) : y;
  return narrow_ ? (*narrow_)(y) : y; // [..., d_embed]
}

torch::Tensor Decoder::unembed(const torch::Tensor& x) const {
  auto logits = unembedding_(to_head(x));
  nn::soft_cap(logits, config_.logit_softcap);
  return (*logits_)(std::move(logits));
}

TokenScores Decoder::score(
    const torch::Tensor& x,
    const torch::Tensor& targets,
    const torch::Tensor& rows,
    const LogitSliceFn& on_slice) const {
  const auto on_head = [&](const torch::Tensor& indices) {
    return indices.defined() ? indices.to(placement_.head) : indices;
  };
  return score_targets(
      to_head(x.unsqueeze(0)).squeeze(0),
      {unembedding_, config_.logit_softcap},
      on_head(targets),
      on_head(rows),
      on_slice);
}

bool Decoder::has_output_hooks() const {
  return std::any_of(
      output_points_.begin(), output_points_.end(), [](const HookPoint* point) {
        return point->active();
      });
}

} // namespace ma
