// Attention sinks: how much attention single tokens draw, in each block and
// head (Gu et al. 2025; Barbero et al. 2025; An et al. 2025; Sun et al. 2024,
// section 4.1).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/token_class.h"

namespace ma {

struct AttentionSinkOptions {
  /// A key is a sink of a head when alpha_k > eps, no unit: 0.3 in Gu et al.,
  /// 0.8 in Barbero et al.
  std::vector<double> eps = {0.3, 0.8};
  double concentrated = 0.5; ///< a head is concentrated when it gives more than
                             ///< this to massive tokens, no unit
  double outlier = 0.1; ///< a token is an attention outlier when it receives at
                        ///< least this times the number of tokens, on average
                        ///< over heads (An et al.), no unit
  std::int64_t fewest_queries = 16; ///< keys that fewer queries see are left
                                    ///< out of "any key": the last ones are
                                    ///< seen by themselves alone
  bool is_causal = true; ///< queries see themselves and the keys before them;
                         ///< else all keys
};

/// What stands at the keys of a batch; on the CPU.
struct KeyMarks {
  torch::Tensor massive; ///< bool [batch, key_pos]: has massive activations
  torch::Tensor classes = {}; ///< int8 [batch, key_pos], as TokenClass;
                              ///< undefined: not told apart
};

/// Attention outliers of one block, over all sequences.
struct AttentionOutliers {
  std::int64_t all = 0;
  std::int64_t massive = 0; ///< of them on massive tokens
  std::map<TokenClass, std::int64_t> by_class;
};

/// What an AttentionSinkAccumulator found. With A the pattern of one head over
/// a sequence, alpha_k = mean of A[i, k] over the queries i >= k (all queries
/// where attention is not causal). Tensors are float64 [layer, head], means
/// over sequences unless it says otherwise.
struct AttentionSinks {
  AttentionSinkOptions options;
  std::vector<std::int64_t> layers; ///< 0-based blocks, ascending
  std::int64_t n_sequences = 0;
  std::int64_t n_massive = 0; ///< massive tokens in all sequences
  torch::Tensor first;   ///< alpha of the first token: the mean attention on it
  torch::Tensor massive; ///< mean over queries of the attention on all massive
                         ///< tokens together
  torch::Tensor largest; ///< the largest alpha_k
  torch::Tensor entropy; ///< mean over queries of the row's entropy, nats
  torch::Tensor sink_first; ///< [layer, head, eps]: share of sequences whose
                            ///< first token is a sink
  torch::Tensor
      sink_any; ///< [layer, head, eps]: share of sequences with a sink
  torch::Tensor massive_score; ///< mean softmax input (scaled, with bias) over
                               ///< all pairs of a query and a massive key that
                               ///< it sees; undefined when no scores were seen
  torch::Tensor other_score;   ///< the same over all other keys
  std::vector<AttentionOutliers> outliers; ///< one a layer
};

/// Collects them from the patterns of batch after batch, one block's at a time.
/// Of a batch it keeps a number for each block, head and key.
class AttentionSinkAccumulator {
 public:
  /// `layers` are the blocks to look at. Throws ConfigError when there are none
  /// or an option is out of its range.
  AttentionSinkAccumulator(
      std::vector<std::int64_t> layers, AttentionSinkOptions options = {});

  const std::vector<std::int64_t>& layers() const { return found_.layers; }

  /// Looks at the pattern [batch, head, query_pos, key_pos] of block `layer`,
  /// whose rows have no padding. Throws ShapeError when it does not fit,
  /// ConfigError when it is not finite.
  void observe(std::int64_t layer, const torch::Tensor& pattern);

  /// Looks at the scores of the same shape; for massive_score and other_score,
  /// in all blocks or none.
  void observe_scores(std::int64_t layer, const torch::Tensor& scores);

  /// Adds what was looked at. Throws ShapeError unless each block was looked at
  /// once and `marks` fit.
  void finish_batch(const KeyMarks& marks);

  /// What was added. Throws ShapeError when that is nothing.
  AttentionSinks finish() const;

 private:
  /// Of the batch at hand; float64 [batch, head, key_pos].
  struct Pending {
    torch::Tensor received;
    torch::Tensor entropy; ///< [batch, head]
    torch::Tensor score_sum, score_count;
  };

  /// Sums over sequences in one block; float64 [head, ...].
  struct Sums {
    torch::Tensor first, massive, largest, entropy; ///< [head]
    torch::Tensor sink_first, sink_any;             ///< [head, eps]
    torch::Tensor scores; ///< [head, 4]: sum and count of massive, of others
  };

  std::size_t index_of(std::int64_t layer, const torch::Tensor& x) const;
  void add(std::size_t index, const KeyMarks& marks);
  void count_outliers(
      std::size_t index, const torch::Tensor& received, const KeyMarks& marks);

  AttentionSinks found_; // options, layers and counts
  std::vector<Pending> pending_;
  std::vector<Sums> sums_;
};

} // namespace ma
