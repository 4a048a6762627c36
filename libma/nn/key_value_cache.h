// Keys and values of the tokens that a model has read, so that the next ones
// need not read them again.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma::nn {

/// What attention keeps of a batch of growing rows, in buffers that double.
///
/// A pass reads with `follow`, appends in each layer and ends with `advance`.
/// One that an error cut short has changed nothing. Causal attention alone:
/// what a token's keys are does not depend on what comes after it.
class KeyValueCache {
 public:
  /// For a model of `n_layers` blocks; `capacity` tokens a row have room
  /// without growing.
  explicit KeyValueCache(std::int64_t n_layers, std::int64_t capacity = 0);

  /// Tokens of each row so far, padding counted.
  std::int64_t length() const { return length_; }

  /// `batch` as the tokens that come next: with the place of each in its
  /// sequence and the cached keys that it sees. The first batch stays as it is.
  /// Padding may stand on either side. Throws ShapeError on another number of
  /// rows than before, or on token trees.
  TokenBatch follow(const TokenBatch& batch) const;

  /// Takes in `k` and `v` [batch, kv_head, pos, d_head] of the pass's tokens in
  /// one layer; returns those of all tokens, [batch, kv_head, key_pos, d_head].
  std::pair<torch::Tensor, torch::Tensor> append(
      std::int64_t layer, const torch::Tensor& k, const torch::Tensor& v);

  /// Ends the pass of `batch`, as it was given to `follow`.
  void advance(const TokenBatch& batch);

  /// Goes on with the rows `rows` int64 [n] alone, in this order.
  void keep_rows(const torch::Tensor& rows);

 private:
  struct Layer {
    torch::Tensor k, v; ///< [batch, kv_head, capacity, d_head]
  };

  torch::Tensor room_in(torch::Tensor& buffer, const torch::Tensor& like) const;

  std::vector<Layer> layers_;
  std::int64_t capacity_;
  std::int64_t length_ = 0;
  torch::Tensor is_real_; ///< bool [batch, length], false at padding
};

} // namespace ma::nn
