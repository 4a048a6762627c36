// log p(target) by a running softmax over slices of the vocabulary, so that
// logits are never stored.
#pragma once

#include <cstdint>
#include <functional>

#include "libma/core/tensor.h"
#include "libma/nn/linear.h"

namespace ma {

struct TokenScores;

/// Looks at the logits of the rows that are scored, slice by slice of the
/// vocabulary: `logits` [rows, columns] are those of the tokens from `first`
/// on, in the precision of the softmax. They are overwritten after the call.
using LogitSliceFn =
    std::function<void(const torch::Tensor& logits, std::int64_t first)>;

/// What maps a row to logits.
struct OutputHead {
  nn::Linear unembedding; ///< to [vocab]
  double softcap = 0;     ///< of the logits; 0 means none
};

/// Scores of `targets` int64 [n] under softmax(head(x)), `x` [m, d_embed], each
/// at its row of `rows` int64 [n]; undefined `rows` means one target a row.
/// `on_slice` sees all logits on the way.
TokenScores score_targets(
    const torch::Tensor& x,
    const OutputHead& head,
    const torch::Tensor& targets,
    const torch::Tensor& rows = {},
    const LogitSliceFn& on_slice = {});

} // namespace ma
