// Sums over whole attention patterns and scores in one look: what each key
// receives, and how spread out the queries' rows are.
#pragma once

#include "libma/core/tensor.h"

namespace ma {

/// Sums over the queries of a pattern; float64 on the CPU.
struct PatternSums {
  torch::Tensor received; ///< [batch, head, key_pos]: attention on each key
  torch::Tensor entropy;  ///< [batch, head]: mean over queries of - sum over
                          ///< keys of p log p, nats
};

/// The sums of `pattern` [batch, head, query_pos, key_pos], one query for each
/// key. `is_causal` says that queries give nothing to keys behind them, which
/// are then not looked at. Sums of 64 queries are float32 (float64 for
/// float64), all others float64; the same for any number of threads. Throws
/// ShapeError when `pattern` does not fit.
PatternSums sum_pattern(const torch::Tensor& pattern, bool is_causal);

/// Sums over the queries of scores; float64 on the CPU.
struct ScoreSums {
  torch::Tensor sum; ///< [batch, head, key_pos]: over queries that see the key
  torch::Tensor count; ///< [batch, head, key_pos]: those queries
};

/// The same for `scores`, scaled and masked: a query sees the keys at which it
/// is not -inf.
ScoreSums sum_scores(const torch::Tensor& scores, bool is_causal);

} // namespace ma
