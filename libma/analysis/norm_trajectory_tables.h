// NormTrajectory and TrajectoryGroups as tables.
#pragma once

#include "libma/analysis/norm_trajectory.h"
#include "libma/core/table.h"

namespace ma {

/// One row a token: length of the stream; largest entries, their share and the
/// bound sqrt(d_model) of the normalised vector; mean cosines to the massive
/// tokens.
Table trajectory_table(const NormTrajectory& trajectory);

/// One row for each pair of massive tokens: cosines of all vectors on the way,
/// means over heads.
Table trajectory_pairs_table(const NormTrajectory& trajectory);

/// One row for each vector on the way and group of tokens: mean cosine of pairs
/// of tokens, length.
Table trajectory_groups_table(const TrajectoryGroups& groups);

/// One row a group of tokens: the stream's length, and how few entries of the
/// normalised vector hold most of it.
Table trajectory_shapes_table(const TrajectoryGroups& groups);

} // namespace ma
