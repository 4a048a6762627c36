// Sums over queries of what attention takes from sets of tokens, and how
// constant that is.
#pragma once

#include "libma/core/tensor.h"

namespace ma {

/// What attention takes from some tokens, and from all others: [batch, pos,
/// head, d_head] each.
struct AttentionParts {
  torch::Tensor massive; ///< sum over i in C of p_ki v_i
  torch::Tensor rest;    ///< sum over all other i
};

/// Splits softmax(.) v by `members` (C), bool [batch, key_pos]. `pattern` is
/// [batch, head, query_pos, key_pos], `v` [batch, key_pos, kv_head, d_head].
/// Both parts add up to z within float noise (Sun et al. 2024, Eq. 2). Throws
/// ShapeError when they do not fit.
AttentionParts split_attention(
    const torch::Tensor& pattern,
    const torch::Tensor& v,
    const torch::Tensor& members);

/// Sets S of tokens of one sequence, all of one size, and the queries that
/// count for each.
struct TokenSets {
  torch::Tensor tokens;  ///< int64 [set, member]
  torch::Tensor queries; ///< bool [set, pos]
};

/// Over queries k that count: sums of u_k = sum over i in S of p_ki v_i, all in
/// float64 on the CPU.
struct PartSums {
  torch::Tensor queries;     ///< [set, 1], how many
  torch::Tensor directed;    ///< [set, head], how many u_k are not zero
  torch::Tensor sum;         ///< [set, head, d_head] of u_k
  torch::Tensor units;       ///< [set, head, d_head] of u_k / ||u_k||
  torch::Tensor squares;     ///< [set, head] of ||u_k||^2
  torch::Tensor probability; ///< [set, head] of sum over i in S of p_ki

  /// Adds the sums over other queries.
  PartSums& operator+=(const PartSums& other);

  /// [set, head, d_head]
  torch::Tensor mean() const { return sum / queries.unsqueeze(2); }
  /// Mean of ||u_k - mean u||^2: [set, head].
  torch::Tensor variance() const;
  /// sqrt(variance) / ||mean u||: [set, head], no unit.
  torch::Tensor dispersion() const;
  /// Mean cosine over all pairs of different u_k that are not zero: [set,
  /// head]; NaN where there are fewer than two.
  torch::Tensor cosine() const;
};

/// The mean cosine over all pairs of `count` unit vectors from their sum
/// `units` [..., d]: (||sum||^2 - n) / (n (n - 1)), NaN for fewer than two.
torch::Tensor mean_pair_cosine(
    const torch::Tensor& units, const torch::Tensor& count);

/// The sums of one sequence: `pattern` [head, query_pos, key_pos], `v`
/// [key_pos, kv_head, d_head]. Only the columns and rows of the sets' tokens
/// become float64, some sets at a time; u_k itself is never stored.
PartSums sum_parts(
    const torch::Tensor& pattern,
    const torch::Tensor& v,
    const TokenSets& sets);

} // namespace ma
