// Growing buffers, and the positions and visible keys of what comes next.
#include "libma/nn/key_value_cache.h"

#include <algorithm>

#include "libma/core/error.h"

namespace ma::nn {
namespace {

/// Bool [batch, pos] also where the batch has no padding.
torch::Tensor real_mask(const TokenBatch& batch) {
  return batch.mask.defined() ? batch.mask
                              : at::ones_like(
                                    batch.ids,
                                    batch.ids.options().dtype(torch::kBool),
                                    at::MemoryFormat::Contiguous);
}

} // namespace

KeyValueCache::KeyValueCache(std::int64_t n_layers, std::int64_t capacity)
    : layers_(static_cast<std::size_t>(n_layers)), capacity_(capacity) {}

TokenBatch KeyValueCache::follow(const TokenBatch& batch) const {
  if (!batch.ids.defined() || batch.positions.defined() ||
      batch.visible.defined()) {
    throw ShapeError(
        "ids",
        "a cache needs ids [batch, pos] of plain sequences, without positions "
        "of their own");
  }
  if (length_ == 0) {
    return batch;
  }
  const auto rows = is_real_.size(0);
  if (batch.ids.size(0) != rows) {
    throw ShapeError(
        "ids",
        c10::str(
            "the cache holds ",
            rows,
            " rows, the tokens are ",
            batch.ids.sizes(),
            "; keep_rows drops rows"));
  }
  const auto pos = batch.ids.size(1);
  const auto real = real_mask(batch);
  const auto past = is_real_.to(real.device());
  TokenBatch next = batch;
  const auto count = past.sum(/*dim=*/1, /*keepdim=*/true); // [batch, 1]
  next.positions = (real.to(torch::kInt64).cumsum(/*dim=*/1) - 1 + count)
                       .clamp_min(0); // [batch, pos]
  const auto past_places =
      (past.to(torch::kInt64).cumsum(/*dim=*/1) - 1).clamp_min(0);
  next.key_positions =
      at::cat({past_places, next.positions}, /*dim=*/1); // [batch, key_pos]
  const auto options = real.options();
  const auto causal = at::ones({pos, pos}, options).tril();
  const auto among_new =
      causal.logical_and(real.unsqueeze(1)).logical_or(at::eye(pos, options));
  next.visible = at::cat(
      {past.unsqueeze(1).expand({rows, pos, length_}), among_new},
      /*dim=*/2); // [batch, query_pos, key_pos]
  return next;
}

torch::Tensor KeyValueCache::room_in(
    torch::Tensor& buffer, const torch::Tensor& like) const {
  const auto needed = length_ + like.size(2);
  // What a first pass left that an error cut short is of no use.
  if (length_ == 0 || buffer.size(2) < needed) {
    const auto doubled = length_ > 0 ? 2 * buffer.size(2) : needed;
    auto grown = at::empty(
        {like.size(0),
         like.size(1),
         std::max({needed, doubled, capacity_}),
         like.size(3)},
        like.options());
    if (length_ > 0) {
      grown.narrow(/*dim=*/2, 0, length_)
          .copy_(buffer.narrow(/*dim=*/2, 0, length_));
    }
    buffer = std::move(grown);
  }
  buffer.narrow(/*dim=*/2, length_, like.size(2)).copy_(like);
  return buffer.narrow(/*dim=*/2, 0, needed);
}

std::pair<torch::Tensor, torch::Tensor> KeyValueCache::append(
    std::int64_t layer, const torch::Tensor& k, const torch::Tensor& v) {
  Layer& kept = layers_.at(static_cast<std::size_t>(layer));
  auto keys = room_in(kept.k, k);
  auto values = room_in(kept.v, v);
  // The first pass goes on with its own tensors: to the bit as without a cache.
  return length_ == 0 ? std::pair(k, v)
                      : std::pair(std::move(keys), std::move(values));
}

void KeyValueCache::advance(const TokenBatch& batch) {
  const auto real = real_mask(batch);
  is_real_ = length_ == 0
                 ? real
                 : at::cat({is_real_.to(real.device()), real}, /*dim=*/1);
  length_ += real.size(1);
}

void KeyValueCache::keep_rows(const torch::Tensor& rows) {
  if (length_ == 0) {
    return;
  }
  is_real_ = is_real_.index_select(/*dim=*/0, rows.to(is_real_.device()));
  for (Layer& layer : layers_) {
    for (torch::Tensor* buffer : {&layer.k, &layer.v}) {
      if (buffer->defined()) {
        *buffer = buffer->index_select(/*dim=*/0, rows.to(buffer->device()));
      }
    }
  }
}

} // namespace ma::nn
