// Rows of the table that says what the weights that were found are worth.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/eval/conditions.h"
#include "libma/eval/find_super_weights.h"

namespace ma::experiments {

/// The model unedited; with each super weight zeroed, with all of them, and
/// with all of them and the massive activation put back to its mean (Yu et
/// al.'s restoration); with their neurons zeroed; with the massive activation
/// zeroed; and controls: as many other weights of the same matrices zeroed, the
/// largest ones, and some drawn with `seed`.
///
/// Without super weights, the unedited model and the zeroed activation. Rows
/// that need a massive activation at a position of its own are left out where
/// it has none.
std::vector<Condition> make_weight_conditions(
    const Model& model,
    const SuperWeightSearch& search,
    const MassiveProfile& profile,
    std::uint64_t seed);

} // namespace ma::experiments
