// The sizes and options of a stack of blocks, whatever goes in and comes out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/nn/block.h"

namespace ma {

/// How a model tells places apart.
enum class PositionKind {
  kRotary,  ///< queries and keys are rotated (nn/rope)
  kLearned, ///< a learned vector for each place joins the stream
  kAlibi,   ///< scores fall with distance (nn/attention_mask)
};

/// What language and vision models have in common, read from a checkpoint's
/// configuration.
struct TransformerConfig {
  std::string architecture; ///< registry key: "llama"
  std::int64_t n_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  std::int64_t d_mlp = 0; ///< of one expert, in a mixture

  nn::BlockKind block = nn::BlockKind::kPreNorm;
  nn::NormOptions norm;
  bool has_norm_weight = true;
  bool has_norm_bias = false;
  bool has_qkv_bias = false;
  bool has_attn_out_bias = false;
  bool has_mlp_bias = false;
  bool has_gated_mlp = true;
  std::string activation = "silu"; ///< name in nn/activation
  std::int64_t n_experts = 0;      ///< of a mixture; 0 means a plain MLP
  std::int64_t n_experts_used = 0; ///< by one token
  double attention_scale = 0;      ///< 0 means 1 / sqrt(d_head)
  bool has_scale_by_layer = false; ///< block l's scores are divided by l + 1
  double attention_softcap = 0;    ///< of the scores; 0 means none
  double qkv_clip = 0;             ///< of q, k, v; 0 means none
  nn::QkNorm qk_norm = nn::QkNorm::kNone;
  bool has_qk_norm_bias = false;
  std::vector<std::int64_t>
      windows; ///< tokens that each block's queries see, themselves included; 0
               ///< means all; empty means all in every block

  bool is_causal = true;        ///< tokens see those before them alone
  bool has_layer_scale = false; ///< attention's and the MLP's output have a
                                ///< factor for each dim
  PositionKind positions = PositionKind::kRotary;

  bool has_rotary() const { return positions == PositionKind::kRotary; }
  bool has_learned_positions() const {
    return positions == PositionKind::kLearned;
  }
  std::int64_t window(std::int64_t layer) const {
    return windows.empty() ? 0 : windows.at(static_cast<std::size_t>(layer));
  }

  /// Throws ConfigError, located at `where`, when a size is missing or sizes do
  /// not fit together.
  void check_blocks(const std::string& where) const;
};

/// Throws ConfigError, located at `where`, unless `size` is one that a model
/// may have: positive, and so small that products of two do not overflow.
void check_size(const char* name, std::int64_t size, const std::string& where);

} // namespace ma
