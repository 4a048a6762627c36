// log p(target) by a running softmax over slices of the vocabulary, so that
// logits are never stored.
#pragma once

#include "libma/core/tensor.h"
#include "libma/nn/linear.h"

namespace ma {

struct TokenScores;

/// What maps a row to logits.
struct OutputHead {
  nn::Linear unembedding; ///< to [vocab]
  double softcap = 0;     ///< of the logits; 0 means none
};

/// Scores of `targets` int64 [n] under softmax(head(x)), `x` [m, d_embed], each
/// at its row of `rows` int64 [n]; undefined `rows` means one target a row.
TokenScores score_targets(
    const torch::Tensor& x,
    const OutputHead& head,
    const torch::Tensor& targets,
    const torch::Tensor& rows = {});

} // namespace ma
