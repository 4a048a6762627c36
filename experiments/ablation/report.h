// What an ablation leaves on record besides its table.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "libma/analysis/massive.h"
#include "libma/eval/ablation.h"

namespace ma::experiments {

/// Criterion, sites, block to edit at, edits and full results, as JSON.
nlohmann::json details_of(
    const MassiveProfile& profile,
    const std::vector<Condition>& conditions,
    const AblationResult& result);

} // namespace ma::experiments
