// From settings and what was found to the conditions of an ablation.
#pragma once

#include <vector>

#include "experiments/ablation/settings.h"

#include "libma/analysis/massive.h"
#include "libma/eval/conditions.h"

namespace ma::experiments {

/// The conditions with every `auto` filled in from `profile`.
/// Throws ConfigError when a block does not exist or nothing was found to edit.
std::vector<Condition> make_conditions(
    const std::vector<ConditionSettings>& settings,
    const MassiveProfile& profile);

} // namespace ma::experiments
