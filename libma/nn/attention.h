// Causal multi-head attention with grouped keys and values (Vaswani et al.
// 2017; Ainslie et al. 2023).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/key_value_cache.h"
#include "libma/nn/linear.h"
#include "libma/nn/rope.h"

namespace ma::nn {

struct AttentionOptions {
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  double scale = 0;       ///< multiplies q k^T; 1 / sqrt(d_head) as a rule
  bool has_rotary = true; ///< whether q and k are rotated
};

/// What attention needs to know about a pass, the same for all blocks but for
/// `layer`.
struct AttentionContext {
  std::optional<RopeTable> rope; ///< set for rotary models
  torch::Tensor allowed; ///< bool [batch, 1, query_pos, key_pos]; undefined
                         ///< means plain causal
  KeyValueCache* cache = nullptr; ///< of earlier tokens, if there are any
  std::int64_t layer = 0;         ///< whose keys these are
};

/// Fused (SDPA) unless `attn_scores` or `pattern` of this layer is hooked.
class Attention {
 public:
  /// `qkv` maps to [q heads | k heads | v heads]; points `<name>.q` ...
  /// `<name>.z` join `hooks`.
  Attention(
      const AttentionOptions& options,
      Linear qkv,
      Linear out,
      HookTable& hooks,
      const std::string& name);

  /// `x` is [batch, pos, d_model]; returns the same shape.
  torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const;

 private:
  torch::Tensor fused(
      const torch::Tensor& q,
      const torch::Tensor& k,
      const torch::Tensor& v,
      const AttentionContext&) const;
  torch::Tensor explicit_path(
      const torch::Tensor& q,
      const torch::Tensor& k,
      const torch::Tensor& v,
      const AttentionContext&) const;

  AttentionOptions options_;
  Linear qkv_;
  Linear out_;
  const HookPoint* q_;
  const HookPoint* k_;
  const HookPoint* v_;
  const HookPoint* rot_q_ = nullptr;
  const HookPoint* rot_k_ = nullptr;
  const HookPoint* attn_scores_;
  const HookPoint* pattern_;
  const HookPoint* z_;
};

} // namespace ma::nn
