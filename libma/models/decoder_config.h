// The sizes and options of a decoder, whatever checkpoint they were read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/nn/attention_mask.h"
#include "libma/nn/block.h"
#include "libma/nn/rope.h"

namespace ma {

/// How a decoder tells places apart.
enum class PositionKind {
  kRotary,  ///< queries and keys are rotated (nn/rope)
  kLearned, ///< a learned vector for each place joins the stream
  kAlibi,   ///< scores fall with distance (nn/attention_mask)
};

/// The sizes and options of a decoder, read from a checkpoint's configuration.
struct DecoderConfig {
  std::string architecture; ///< registry key: "llama"
  std::int64_t n_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  std::int64_t d_mlp = 0; ///< of one expert, in a mixture
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0; ///< longest context, tokens

  // Blocks.
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

  // Places.
  PositionKind positions = PositionKind::kRotary;
  nn::RopeConfig rope;
  std::optional<nn::RopeConfig>
      local_rope; ///< of the blocks with a window, where it differs
  nn::AlibiOptions alibi;
  std::int64_t position_offset = 0; ///< learned vectors before the first place

  // Ends.
  std::int64_t d_embed = 0; ///< width of embedding and output head, which are
                            ///< projected to d_model and back; 0 means d_model
  double embed_scale = 1;   ///< factor of the token embedding, no unit
  bool has_embed_norm = false; ///< whether the embedding is normalised
  bool has_final_norm = true;
  bool has_tied_unembedding = false; ///< the output head is the token embedding
  bool has_unembed_bias = false;
  double logit_softcap = 0; ///< 0 means none

  bool has_rotary() const { return positions == PositionKind::kRotary; }
  bool has_learned_positions() const {
    return positions == PositionKind::kLearned;
  }
  std::int64_t window(std::int64_t layer) const {
    return windows.empty() ? 0 : windows.at(static_cast<std::size_t>(layer));
  }
  /// The rotary settings of block `layer`.
  const nn::RopeConfig& rope_of(std::int64_t layer) const {
    return local_rope && window(layer) > 0 ? *local_rope : rope;
  }
  /// Whether the angles of one place differ between rows of `first` and of
  /// `last` tokens.
  bool changes_frequencies(std::int64_t first, std::int64_t last) const;

  /// Throws ConfigError, located at `where`, when a size is missing or sizes do
  /// not fit together.
  void check(const std::string& where) const;
};

} // namespace ma
