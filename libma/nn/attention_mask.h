// Which keys a query sees, and linear biases by distance (ALiBi, Press et al.
// 2022), made once a pass for all blocks.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma::nn {

/// How ALiBi is added to the scores.
struct AlibiOptions {
  torch::Tensor slopes; ///< float32 [head]; undefined means no ALiBi
  double factor = 1;    ///< of the biases
  bool rounds_to_bfloat16 =
      false; ///< slopes and their products with the keys' places, as Falcon
             ///< was trained: then biases are of places, not of distances
};

/// Slopes 2^(-8 i / n) of ALiBi, i = 1..n, float32 [head]; where n_heads is no
/// power of two, those of the power below and every other one of the power
/// above. None for no heads.
torch::Tensor alibi_slopes(std::int64_t n_heads);

/// The masks of one pass. Masks of all windows are made at first use and kept.
class AttentionMask {
 public:
  /// For `n_queries` tokens of `batch` on `device`; `alibi` may be undefined.
  AttentionMask(
      const TokenBatch& batch,
      std::int64_t n_queries,
      torch::Device device,
      AlibiOptions alibi = {});

  /// Each token's place in its sequence, int64 [pos] when all rows are alike,
  /// else [batch, pos].
  const torch::Tensor& places() const { return query_places_; }

  /// The keys that each query sees, bool [batch, 1, query_pos, key_pos] or
  /// [query_pos, key_pos]; undefined when plain causal is enough. A query sees
  /// the last `window` tokens, itself included; 0 means all.
  const torch::Tensor& allowed(std::int64_t window) const;

  /// What is added to the scores, `dtype` [1 or batch, head, query_pos,
  /// key_pos], -inf at keys that are not allowed; undefined without ALiBi.
  const torch::Tensor& bias(std::int64_t window, torch::ScalarType dtype) const;

  /// The same on `device`.
  AttentionMask to(torch::Device device) const;

 private:
  torch::Tensor distances() const;
  torch::Tensor make_allowed(std::int64_t window) const;
  torch::Tensor make_bias(std::int64_t window, torch::ScalarType dtype) const;

  torch::Tensor mask_;    ///< of the batch, or undefined
  torch::Tensor visible_; ///< of the batch, or undefined
  torch::Tensor query_places_;
  torch::Tensor key_places_; ///< int64 [key_pos] or [batch, key_pos]
  std::int64_t n_queries_;
  AlibiOptions alibi_;
  mutable std::map<std::int64_t, torch::Tensor> allowed_; ///< by window
  mutable std::map<std::pair<std::int64_t, torch::ScalarType>, torch::Tensor>
      bias_; ///< by window and dtype
};

} // namespace ma::nn
