// Sequences of one length through the blocks, a batch at a time, for
// measurements that hook the stream.
#pragma once

#include <cstdint>
#include <string>

#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/models/model.h"

namespace ma {

struct SequencePassOptions {
  std::int64_t tokens_per_pass =
      4096; ///< upper bound of batch * pos in one pass, one sequence at least;
            ///< changes no result beyond float noise
  std::string stage = "measure"; ///< what the progress is called
  ProgressFn progress = {};      ///< counts sequences
  std::int64_t n_blocks = -1;    ///< only the first so many run; -1: all
};

/// Runs `sequences`, int64 [n, length], through the blocks of `model` with the
/// hooks that are registered, and computes no logits. Throws ShapeError on ids
/// that are no sequences of the model.
void pass_sequences(
    const Model& model,
    const torch::Tensor& sequences,
    const SequencePassOptions& options = {});

} // namespace ma
