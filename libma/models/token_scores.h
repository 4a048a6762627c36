// log p(target) by a running softmax over slices of the vocabulary, so that
// logits are never stored.
#pragma once

#include "libma/core/tensor.h"
#include "libma/nn/linear.h"

namespace ma {

struct TokenScores;

/// Scores of `targets` int64 [n] under softmax(unembedding(x)), `x` [m,
/// d_model], each at its row of `rows` int64 [n]; undefined `rows` means one
/// target a row.
TokenScores score_targets(
    const torch::Tensor& x,
    const nn::Linear& unembedding,
    const torch::Tensor& targets,
    const torch::Tensor& rows = {});

} // namespace ma
