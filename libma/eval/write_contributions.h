// Who writes one entry of the stream: each block's attention and MLP, and the
// neurons of one block.
#pragma once

#include <cstdint>
#include <optional>

#include "libma/analysis/super_weights.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/models/model.h"

namespace ma {

struct WriteOptions {
  std::int64_t layer = 0; ///< 0-based block whose output, and whose neurons
  std::int64_t dim = 0;   ///< of the stream
  std::optional<std::int64_t> position =
      {}; ///< of the token in each sequence; unset: where |dim| is largest
          ///< after the block
  std::int64_t top = 10;   ///< neurons to list
  double step_share = 0.1; ///< a block steps up or down when it changes the
                           ///< entry's magnitude by this share of its largest
  std::int64_t tokens_per_pass = 4096; ///< as in SequencePassOptions
  ProgressFn progress = {};            ///< counts sequences
};

/// Decomposes resid_post[dim] = resid_pre[dim] + attn_out[dim] + mlp_out[dim]
/// in all blocks, and in one block mlp_out[dim] = bias[dim] + sum_j W[dim, j]
/// post[j] with W its down-projection, over `sequences`, int64 [pos] or [n,
/// pos], with the hooks that are registered. Sums are in double. Of a pass each
/// block's column is kept, and the neurons of block `layer`: at `position`, or,
/// where that is not set, at all tokens.
///
/// Throws ShapeError on ids that are no sequences of the model, ConfigError on
/// a block, dim or position that is not there.
WriteContributions write_contributions(
    const Model& model,
    const torch::Tensor& sequences,
    const WriteOptions& options);

} // namespace ma
