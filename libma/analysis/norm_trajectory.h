// From the hidden state to queries, keys and values: what the norm before
// attention makes of tokens with massive activations (Sun et al. 2024, section
// 4.2, figure 7).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libma/analysis/running_stats.h"
#include "libma/core/tensor.h"

namespace ma {

/// What hooks see on the way, each [batch, pos, ...].
struct NormPath {
  torch::Tensor resid;      ///< [batch, pos, d_model]: the stream (resid_pre)
  torch::Tensor normalized; ///< [batch, pos, d_model]: without gain and bias
  torch::Tensor input; ///< [batch, pos, d_model]: with them, as attention reads
  torch::Tensor q;     ///< [batch, pos, head, d_head], before rotary
  torch::Tensor k, v;  ///< [batch, pos, kv_head, d_head], before rotary
};

/// The vectors of a NormPath, in its order.
inline constexpr std::size_t kPathVectors = 6;
inline constexpr std::array<std::string_view, kPathVectors> kPathNames = {
    "resid", "normalized", "with gain", "q", "k", "v"};
inline constexpr std::size_t kResid = 0;
inline constexpr std::size_t kNormalized = 1;
inline constexpr std::size_t kWithGain = 2;

/// The tensors of `path` in the order of kPathNames.
std::array<torch::Tensor, kPathVectors> vectors_of(const NormPath& path);

/// One sequence on its way through the first half of one block. Tensors are on
/// the CPU, in the model's dtype but for half precision, which is float32.
struct NormTrajectory {
  std::int64_t layer = 0; ///< 0-based block
  std::array<torch::Tensor, kPathVectors> vectors =
      {};                ///< [pos, d_model] or [pos, head, d_head]
  torch::Tensor massive; ///< bool [pos]: has massive activations
  torch::Tensor ids;     ///< int64 [pos]
  std::vector<std::string> tokens = {}; ///< texts; empty without a tokenizer
};

/// `path` of a batch of one sequence. Throws ShapeError when it does not fit.
NormTrajectory make_trajectory(
    std::int64_t layer,
    const NormPath& path,
    const torch::Tensor& massive,
    const torch::Tensor& ids);

/// One kind of vector of a group of tokens; with several heads, means over
/// heads.
struct VectorGroup {
  double cosine = 0; ///< mean cosine of all pairs of tokens; NaN for fewer than
                     ///< two
  RunningStats norm; ///< L2, of each token and head
};

/// Tokens with massive activations, or all others.
struct TrajectoryGroup {
  std::int64_t n_tokens = 0;
  std::array<VectorGroup, kPathVectors> vectors = {}; ///< as kPathNames
  RunningStats rms;                                   ///< of the stream
  RunningStats largest;        ///< |x| of the normalised vector's largest entry
  RunningStats top_share;      ///< share of its largest two entries in sum(x^2)
  RunningStats effective_dims; ///< sum(x^2)^2 / sum(x^4) of it
  RunningStats median;         ///< torch.median(|x|) of it
};

/// Both over many sequences.
struct TrajectoryGroups {
  std::int64_t layer = 0; ///< 0-based block
  std::int64_t n_sequences = 0;
  std::int64_t d_model = 0;
  TrajectoryGroup massive, other;
};

/// Collects TrajectoryGroups from batch after batch. Memory is O(d_model).
class TrajectoryAccumulator {
 public:
  explicit TrajectoryAccumulator(std::int64_t layer) { found_.layer = layer; }

  /// Adds the sequences of a batch. `massive` is bool [batch, pos]. Throws
  /// ShapeError when something does not fit.
  void observe(const NormPath& path, const torch::Tensor& massive);

  /// What was seen so far. Throws ShapeError when that is nothing.
  TrajectoryGroups finish() const;

 private:
  TrajectoryGroups found_;
  std::array<torch::Tensor, kPathVectors>
      units_; ///< float64 [group, head, d]: sums of vectors of length 1
};

} // namespace ma
