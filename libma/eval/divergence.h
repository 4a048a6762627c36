// How far an edited model's predictions are from the unedited model's:
// KL(original || edited) and top-1 agreement at the scored tokens, from the
// logits that the score computes anyway.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/models/model.h"

namespace ma {

/// What a pass scores: `targets` int64 [n] at the flat `positions` int64 [n] of
/// [batch, pos], ascending, each once.
struct ScoredTokens {
  torch::Tensor positions;
  torch::Tensor targets;
};

/// Of each scored token; on the CPU.
struct TokenDivergence {
  torch::Tensor nll_nats; ///< float64 [n], to the bit that of Model::score
  torch::Tensor kl_nats;  ///< float64 [n], sum over the vocabulary of
                          ///< p log(p / q), p the unedited model's probability
  torch::Tensor agrees;   ///< bool [n]: the unedited model's most likely token
                          ///< is the edited model's too
};

/// What the unedited model predicts at the scored tokens of one pass. Keeps its
/// probabilities, n x vocab numbers of 4 bytes (8 for float64 models); edited
/// models' logits are seen slice by slice and never stored.
class ReferencePredictions {
 public:
  /// `stream` [batch, pos, d_model] is the unedited one after the last block.
  /// Keeps a reference to `model`. Throws ShapeError as Model::score does.
  ReferencePredictions(
      const Model& model,
      ScoredTokens tokens,
      const torch::Tensor& stream,
      TokenBatch batch);

  /// The unedited model's own: no divergence, full agreement.
  TokenDivergence itself() const;

  /// That of an edited `stream` of the same pass, under the hooks that are
  /// active at the final norm and the logits.
  ///
  /// In float32, rounding leaves a KL of some 1e-6 of the largest logits, and
  /// none where the logits are the same bits; what it puts below zero becomes
  /// zero. NaN where a logit is infinite.
  TokenDivergence compare(const torch::Tensor& stream) const;

 private:
  /// The tokens of the vocabulary from `first` on.
  struct Part {
    std::int64_t first = 0;
    torch::Tensor probabilities; ///< [n, columns], contiguous
  };

  torch::Tensor expected_logits(
      const torch::Tensor& logits, std::int64_t first) const;

  const Model& model_;
  ScoredTokens tokens_;
  TokenBatch batch_;
  std::vector<Part> parts_;
  torch::Tensor top_;          ///< int64 [n], the most likely token
  torch::Tensor nll_nats_;     ///< float64 [n], CPU
  torch::Tensor entropy_nats_; ///< float64 [n], CPU
};

} // namespace ma
