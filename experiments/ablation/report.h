// What an ablation leaves on record besides its table.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "libma/analysis/massive.h"
#include "libma/core/table.h"
#include "libma/eval/ablation.h"

namespace ma::experiments {

/// The sites that were found: one row each, strongest first, blocks in both
/// bases.
Table sites_table(const MassiveProfile& profile);

/// One row per block: the three largest magnitudes, median, ratio, share of
/// sequences that meet the criterion.
Table layers_table(const MassiveProfile& profile);

/// Criterion, sites, block to edit at, edits and full results, as JSON.
nlohmann::json details_of(
    const MassiveProfile& profile,
    const std::vector<Condition>& conditions,
    const AblationResult& result);

} // namespace ma::experiments
