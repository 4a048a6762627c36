// Following tokens from the stream through the norm before attention to
// queries, keys and values (Sun et al. 2024, section 4.2).
#pragma once

#include <cstdint>
#include <optional>

#include "libma/analysis/norm_trajectory.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/eval/massive_tokens.h"
#include "libma/models/model.h"

namespace ma {

/// The block whose norm is the first to see the massive `tokens`: the next one,
/// or the last of the model; 0-based.
std::int64_t block_after(const MassiveTokens& tokens, std::int64_t n_layers);

/// The way of one sequence, int64 `ids` [pos], in block `layer` (none:
/// block_after). Throws ConfigError when there is no such block or no norm
/// stands before its attention, ShapeError when `ids` are no sequence.
NormTrajectory norm_trajectory(
    const Model& model,
    const torch::Tensor& ids,
    const MassiveTokens& tokens,
    std::optional<std::int64_t> layer = {});

struct TrajectoryPass {
  std::optional<std::int64_t> layer = {}; ///< 0-based block; none: block_after
  std::int64_t tokens_per_pass = 2048;    ///< upper bound of batch * pos in one
                                       ///< pass; changes no result beyond float
                                       ///< noise
  ProgressFn progress = {}; ///< counts sequences
};

/// The massive tokens of `sequences`, int64 [n, length], and all others on the
/// same way. Runs no more blocks than it looks at. Throws as norm_trajectory
/// and pass_sequences do.
TrajectoryGroups trajectory_groups(
    const Model& model,
    const torch::Tensor& sequences,
    const MassiveTokens& tokens,
    const TrajectoryPass& options = {});

} // namespace ma
