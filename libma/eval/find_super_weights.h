// Super weights: single entries of down-projections without which a massive
// activation is not (Yu et al. 2024, section 3.1).
#pragma once

#include <cstdint>
#include <vector>

#include "libma/analysis/super_weights.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/eval/down_projection.h"
#include "libma/models/model.h"

namespace ma {

struct SuperWeightOptions {
  double threshold =
      50; ///< of |input| and |output| of a spike, activation units (Yu et al.)
  double share = 0.1; ///< of the unedited model's largest |output|: a spike's
                      ///< is above that too. With 0 the search goes on for what
                      ///< is left at every dim
  std::int64_t max_weights = 10; ///< removals at most
  ProgressFn progress = {};      ///< counts passes; their number is not known
};

/// Looks at one pass over `sequences`, int64 [pos] or [n, pos], with the hooks
/// that are registered, removes a weight, and looks again, until no block has a
/// spike.
///
/// A block has a spike when the largest |mlp_out| and, at the same token, the
/// largest |mlp.post| are beyond the thresholds. Removed is, of the first such
/// block, the weight of that output whose product with its input does most for
/// it, among the inputs beyond the threshold. At the first removal that is
/// mostly the largest input, which Yu et al. take. Later blocks, which may only
/// pass the activation on or take it away, thus come to their turn when nothing
/// before them is left.
///
/// Throws ShapeError on ids that are no sequences of the model, ConfigError on
/// thresholds below 0, `max_weights` below 1, and for mixtures of experts.
SuperWeightSearch find_super_weights(
    const Model& model,
    const torch::Tensor& sequences,
    const SuperWeightOptions& options = {});

/// What was found, for `zero_weights`.
DownWeight place_of(const SuperWeight& found);
std::vector<DownWeight> places_of(const SuperWeightSearch& search);

} // namespace ma
