// log p(target) by a running softmax over slices of the vocabulary, so that
// logits are never stored.
#pragma once

#include "libma/core/tensor.h"
#include "libma/nn/linear.h"

namespace ma {

struct TokenScores;

/// Scores of `targets` int64 [n] under softmax(unembedding(x)), `x` [n,
/// d_model].
TokenScores score_targets(
    const torch::Tensor& x,
    const nn::Linear& unembedding,
    const torch::Tensor& targets);

} // namespace ma
