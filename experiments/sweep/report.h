// Tables and JSON of sweeps.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/common/record.h"
#include <nlohmann/json.hpp>

#include "libma/core/table.h"
#include "libma/eval/ablation.h"
#include "libma/eval/repetition.h"
#include "libma/eval/sweeps.h"

namespace ma::experiments {

/// A sweep as it was run.
struct NamedSweep {
  std::string name;
  Sweep sweep;
};

/// The unedited model's row.
inline const std::string kOriginal = "original";

/// What a row of a sweep is called among the conditions of all sweeps.
std::string full_name(const NamedSweep& sweep, const SweepRow& row);

/// What was measured, by condition.
struct SweepResults {
  AblationResult scores;
  std::map<std::string, Repetition> repetition; ///< by full name; may be empty
};

/// The original and each row of the sweep: its keys, and for each text the
/// perplexity, its ratio to the original's, KL and agreement; then repetition.
Table sweep_table(const NamedSweep& sweep, const SweepResults& results);

/// Every number of every condition, labelled with sweep, condition and text.
std::vector<Metric> metrics_of_sweeps(
    const std::vector<NamedSweep>& sweeps, const SweepResults& results);

/// Each sweep's edits and what was left out.
nlohmann::json describe_sweeps(const std::vector<NamedSweep>& sweeps);

} // namespace ma::experiments
