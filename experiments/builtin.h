// All experiments by name, for `libma run NAME`.
#pragma once

#include <string>
#include <vector>

#include "libma/core/registry.h"

namespace ma::experiments {

/// Runs an experiment on its command line (without the program's name) and
/// returns the exit status.
using ExperimentMain = int (*)(const std::vector<std::string>& args);

/// Every experiment of builtin.def.
const Registry<ExperimentMain>& builtin();

} // namespace ma::experiments
