// The implicit bias of attention: whether what queries take from tokens with
// massive activations is the same for all of them (Sun et al. 2024, section
// 4.2, Eq. 2), with a statistic and a null.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/analysis/part_sums.h"
#include "libma/analysis/running_stats.h"
#include "libma/core/tensor.h"

namespace ma {

struct ImplicitBiasOptions {
  std::int64_t null_sets = 100; ///< random sets to compare with; 0: none
  std::uint64_t seed = 0;       ///< of the draws
  std::vector<std::int64_t> windows = {}; ///< tokens that queries of each block
                                          ///< see, themselves included; 0, or
                                          ///< an empty list: all
};

/// One head. C are the tokens with massive activations of a sequence, u_k = sum
/// over i in C of p_ki v_i; a query k counts when it sees a member of C and is
/// none. Where C is a single token, all u_k of a sequence point the same way:
/// cosines then tell sequences apart, and the dispersion tells queries apart.
struct HeadBias {
  RunningStats sequence_cosine;     ///< mean cosine of pairs of u_k, over
                                    ///< sequences
  RunningStats sequence_dispersion; ///< RMS ||u_k - mean u|| / ||mean u||, over
                                    ///< sequences
  double between_sequences = 0; ///< mean cosine of pairs of sequences' mean u
  double cosine = 0;     ///< mean cosine of pairs of u_k of all sequences
  double dispersion = 0; ///< RMS ||u_k - mean u|| / ||mean u||, all sequences
  double variance = 0;   ///< mean ||u_k - mean u||^2, all sequences, activation
                         ///< units squared
  RunningStats null_cosine = {};     ///< `cosine` of random sets, over sets
  RunningStats null_dispersion = {}; ///< `dispersion` of random sets, over sets
  double p_cosine = 0;     ///< share of random sets whose cosine is as large;
                           ///< NaN without any
  double p_dispersion = 0; ///< share of random sets whose dispersion is as
                           ///< small; NaN without any
  double share = 0;        ///< RMS ||u_k|| / RMS ||z_k||, no unit
  double probability = 0;  ///< mean attention on C
  double drain = 0;        ///< mean ||v_i|| of C / mean ||v_i|| of other tokens
};

/// One block.
struct LayerBias {
  std::int64_t layer = 0; ///< 0-based
  std::vector<HeadBias> heads = {};
  double dispersion = 0; ///< of all heads' u_k as one vector
  double share = 0;      ///< likewise
};

struct ImplicitBias {
  ImplicitBiasOptions options;
  std::int64_t n_sequences = 0; ///< with a massive token
  std::int64_t n_without = 0;   ///< without one: left out
  std::int64_t n_members = 0;   ///< massive tokens of all sequences
  std::int64_t n_queries = 0;   ///< that count, of all sequences, in a block
                                ///< without a window
  std::vector<LayerBias> layers = {};
  torch::Tensor constants = {}; ///< float64 [layer, head, d_head]: mean u_k
  torch::Tensor other_constants = {}; ///< the same of the random sets together;
                                      ///< undefined without any
};

/// Attention in one block: what hooks see.
struct AttentionState {
  torch::Tensor pattern; ///< [batch, head, query_pos, key_pos]
  torch::Tensor v;       ///< [batch, key_pos, kv_head, d_head]
  torch::Tensor z;       ///< [batch, query_pos, head, d_head]
};

/// Collects them from block after block of batch after batch. Memory does not
/// grow with the sequences.
///
/// A random set of a sequence has as many tokens as C, none of them in C, and
/// not the last token; the same rule says which queries count, and members of C
/// never do. Random set number n is one set in each sequence, the same in all
/// blocks and heads.
class ImplicitBiasAccumulator {
 public:
  /// `members` is bool [n, length], true at the massive tokens of each
  /// sequence. Throws ConfigError when an option is negative, ShapeError when
  /// no sequence has a massive token with a query behind it, or one has too few
  /// other tokens for the random sets.
  ImplicitBiasAccumulator(
      std::int64_t n_layers,
      const torch::Tensor& members,
      const ImplicitBiasOptions& options = {});

  /// Adds the next sequences in block `layer`. Each block must see all
  /// sequences in their order. Throws ShapeError when they do not fit.
  void observe(std::int64_t layer, const AttentionState& state);

  /// What was seen. Throws ShapeError unless each block saw all sequences.
  ImplicitBias finish() const;

 private:
  /// One block. Tensors are float64 on the CPU.
  struct LayerSums {
    std::int64_t n_seen = 0;                      ///< sequences
    PartSums parts;                               ///< set 0 is C
    std::vector<RunningStats> cosine, dispersion; ///< by head, of C
    torch::Tensor sequence_units;    ///< [head, d_head] of mean u / ||mean u||
    torch::Tensor sequence_directed; ///< [head], how many are not zero
    torch::Tensor z_squares;         ///< [head] of ||z_k||^2
    torch::Tensor member_norms, other_norms; ///< [kv_head] of ||v_i||
  };

  TokenSets sets_of(std::int64_t sequence, std::int64_t window) const;
  void observe_sequence(
      std::int64_t layer, std::int64_t sequence, const AttentionState& one);
  LayerBias summarize(std::int64_t layer) const;

  torch::Tensor members_; // bool [n, length] on the CPU
  ImplicitBiasOptions options_;
  std::int64_t n_sequences_ = 0; // with a massive token
  std::int64_t n_members_ = 0;
  std::int64_t n_queries_ = 0;
  std::vector<LayerSums> layers_;
};

} // namespace ma
