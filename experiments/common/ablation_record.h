// What conditions leave on record besides their table.
#pragma once

#include <string>
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

/// What the model made of each document of a task under each condition, as
/// JSON lines. `task` is column `column` of `result`.
std::string examples_of(
    const ZeroShotTask& task, const AblationResult& result, std::size_t column);

} // namespace ma::experiments
