// Rotary position embedding and its scaling rules (Su et al. 2021; rules as in
// Hugging Face `modeling_rope_utils`).
#pragma once

#include <cstdint>
#include <vector>

#include "libma/core/tensor.h"

namespace ma::nn {

enum class RopeScaling { kNone, kLinear, kDynamic, kYarn, kLongRope, kLlama3 };

struct RopeConfig {
  double theta = 10000.0;
  std::int64_t d_rotary = 0; ///< leading dims of each head that rotate; even
  bool interleaved = false; ///< pairs are (2i, 2i + 1), else (i, i + d_rotary /
                            ///< 2)
  bool in_float32 = false;  ///< half-precision queries and keys rotate in
                            ///< float32
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0; ///< ratio of extended to original context, no unit
  std::int64_t max_positions = 0;          ///< context of the model, tokens
  std::int64_t original_max_positions = 0; ///< context before scaling, tokens
  double low_freq_factor = 1.0;            ///< llama3
  double high_freq_factor = 4.0;           ///< llama3
  double beta_fast = 32.0;                 ///< yarn
  double beta_slow = 1.0;                  ///< yarn
  bool truncate = true; ///< yarn: round the correction range to whole dims
  double attention_factor =
      0.0; ///< yarn, longrope: scale of cos and sin; 0 means the rule's own
  double mscale = 0.0;              ///< yarn; 0 means unset
  double mscale_all_dim = 0.0;      ///< yarn; 0 means unset
  std::vector<double> short_factor; ///< longrope, one per rotated pair
  std::vector<double> long_factor;  ///< longrope, one per rotated pair
  std::vector<double> divisors; ///< of the frequencies, one per rotated pair,
                                ///< as GGUF stores a rule's outcome; empty
                                ///< means none
};

/// Cosines and sines of each position's angles.
struct RopeTable {
  torch::Tensor
      cos; ///< [pos, 1, d_rotary / 2] or [batch, pos, 1, d_rotary / 2]
  torch::Tensor sin;        ///< same shape
  bool interleaved = false; ///< pairs are (2i, 2i + 1)

  /// The same on `device`.
  RopeTable to(torch::Device device) const;
};

/// Table for int64 `positions` [pos] or [batch, pos]. Angles are computed in
/// float32, as Hugging Face does, then converted to `dtype`, unless that is
/// half precision and the rotation runs in float32.
RopeTable make_rope_table(
    const RopeConfig& config,
    const torch::Tensor& positions,
    torch::ScalarType dtype);

/// Whether the angles of one position differ between rows of `first` and of
/// `last` tokens: keys that were cached at one length then do not fit the
/// other.
bool changes_frequencies(
    const RopeConfig& config, std::int64_t first, std::int64_t last);

/// Rotates the pairs of the first d_rotary dims of each head. `x` is [batch,
/// pos, head, d_head]; returns a new tensor of its dtype; the rotation runs in
/// that of the table.
torch::Tensor apply_rope(const torch::Tensor& x, const RopeTable& table);

} // namespace ma::nn
