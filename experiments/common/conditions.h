// From settings and what was found to the conditions of an ablation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/common/condition_settings.h"

#include "libma/analysis/massive.h"
#include "libma/eval/conditions.h"

namespace ma::experiments {

/// Throws ConfigError when a condition names a block that a model of `n_layers`
/// does not have.
void check_blocks(
    const std::vector<ConditionSettings>& settings, std::int64_t n_layers);

/// Throws UnknownNameError or ConfigError when a condition names a site or a
/// block that `model` does not have.
void check_sites(
    const std::vector<ConditionSettings>& settings, const HookedModel& model);

/// The position of the token with that role; throws, located at `where`, when
/// there is none.
using PositionOfRole = std::function<std::int64_t(
    const std::string& role, std::string_view where)>;

/// Throws as `position_of` does when a condition names a token that is not
/// there.
void check_tokens(
    const std::vector<ConditionSettings>& settings,
    const PositionOfRole& position_of);

/// The conditions with every `auto` filled in from `profile`, and positions for
/// tokens that are named by their roles. Throws ConfigError when an
/// intervention's options do not fit its kind; as `position_of` does.
std::vector<Condition> make_conditions(
    const std::vector<ConditionSettings>& settings,
    const MassiveProfile& profile,
    const PositionOfRole& position_of);

} // namespace ma::experiments
