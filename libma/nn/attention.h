// Multi-head attention, causal or not, with grouped keys and values (Vaswani et
// al. 2017; Ainslie et al. 2023).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/attention_mask.h"
#include "libma/nn/key_value_cache.h"
#include "libma/nn/linear.h"
#include "libma/nn/norm.h"
#include "libma/nn/rope.h"

namespace ma::nn {

/// Which entries of q and k are normalised together before they are rotated.
enum class QkNorm {
  kNone,
  kHead,        ///< each head by itself; one gain [d_head] for all
  kHeadGains,   ///< each head by itself, with a gain of its own [head, d_head]
  kAcrossHeads, ///< all heads of a token together; gain [head, d_head]
};

struct AttentionOptions {
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  double scale = 0;        ///< multiplies q k^T; 1 / sqrt(d_head) as a rule
  bool is_causal = true;   ///< else each query sees all keys
  bool has_rotary = true;  ///< whether q and k are rotated
  bool has_alibi = false;  ///< whether biases by distance join the scores
  std::int64_t window = 0; ///< tokens a query sees, itself included; 0 is all
  double softcap = 0; ///< scores become cap * tanh(scores / cap); 0 is none
  double clip = 0;    ///< q, k and v are clipped to [-clip, clip]; 0 is none
  QkNorm qk_norm = QkNorm::kNone;
  NormOptions norm = {}; ///< of q and k
};

struct AttentionWeights {
  Linear qkv; ///< to [q heads | k heads | v heads]
  Linear out;
  NormWeights q_norm, k_norm; ///< as QkNorm says
};

/// What attention needs to know about a pass, the same for all blocks but for
/// `rope` and `layer`.
struct AttentionContext {
  const AttentionMask* mask = nullptr; ///< set for causal blocks
  const RopeTable* rope = nullptr;     ///< set for rotary blocks
  KeyValueCache* cache = nullptr;      ///< of earlier tokens, if there are any
  std::int64_t layer = 0;              ///< whose keys these are
};

/// Fused (SDPA) unless `attn_scores` or `pattern` of this layer is hooked or
/// scores have a soft cap.
class Attention {
 public:
  /// Points `<name>.q` ... `<name>.z` join `hooks`.
  Attention(
      const AttentionOptions& options,
      AttentionWeights weights,
      HookTable& hooks,
      const std::string& name);

  /// `x` is [batch, pos, d_model]; returns the same shape.
  torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const;

 private:
  /// Heads of one pass, [batch, head, pos, d_head]; keys and values may be of
  /// more tokens.
  struct Heads {
    torch::Tensor q, k, v;
  };

  Heads project(const torch::Tensor& x, const RopeTable* rope) const;
  torch::Tensor fused(const Heads& heads, const AttentionMask* mask) const;
  torch::Tensor explicit_path(
      const Heads& heads, const AttentionMask* mask) const;
  void mask_scores(torch::Tensor& scores, const AttentionMask& mask) const;

  AttentionOptions options_;
  Linear qkv_;
  Linear out_;
  const HookPoint* q_;
  const HookPoint* k_;
  const HookPoint* v_;
  std::optional<Norm> q_norm_;
  std::optional<Norm> k_norm_;
  const HookPoint* rot_q_ = nullptr;
  const HookPoint* rot_k_ = nullptr;
  const HookPoint* attn_scores_;
  const HookPoint* pattern_;
  const HookPoint* z_;
};

} // namespace ma::nn
