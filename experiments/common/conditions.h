// From settings and what was found to the conditions of an ablation.
#pragma once

#include <vector>

#include "experiments/common/condition_settings.h"

#include "libma/analysis/massive.h"
#include "libma/eval/conditions.h"

namespace ma::experiments {

/// Throws UnknownNameError or ConfigError when a condition names a site or a
/// block that `model` does not have.
void check_sites(
    const std::vector<ConditionSettings>& settings, const HookedModel& model);

/// The conditions with every `auto` filled in from `profile`.
/// Throws ConfigError when an intervention's options do not fit its kind.
std::vector<Condition> make_conditions(
    const std::vector<ConditionSettings>& settings,
    const MassiveProfile& profile);

} // namespace ma::experiments
