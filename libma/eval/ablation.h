// The ablation table: perplexities (columns) of a model under edits (rows), in
// one pass over each text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/progress.h"
#include "libma/core/table.h"
#include "libma/eval/conditions.h"
#include "libma/eval/perplexity.h"

namespace ma {

/// A column of the table.
struct PerplexityTask {
  std::string name; ///< "wikitext2"
  WindowSet windows;
};

/// One finished result: what a journal keeps.
struct AblationScore {
  std::string task;
  std::string condition;
  WindowScore score;
};

/// As a journal's line, with the doubles in full.
nlohmann::json to_json(const AblationScore& score);

/// The inverse of `to_json`. Throws ConfigError when a key is missing or of the
/// wrong type.
AblationScore ablation_score_from_json(const nlohmann::json& json);

struct AblationOptions {
  std::int64_t tokens_per_pass = 0; ///< as in ScoringOptions
  /// Results of an earlier run with the same model, conditions, tasks and
  /// options; only the rest is computed, and the end is the same to the bit.
  std::vector<AblationScore> finished = {};
  /// Gets each new result as it comes. May throw to stop.
  std::function<void(const AblationScore& score)> on_score = {};
  ProgressFn progress = {}; ///< counts windows times conditions
};

struct AblationResult {
  std::vector<std::string> conditions;                ///< in the order given
  std::vector<std::string> tasks;                     ///< in the order given
  std::vector<std::vector<PerplexityResult>> results; ///< [condition][task]

  /// Rows are conditions; each task has a column of perplexities (per
  /// word for lm-eval-rolling) and, if any
  /// token's NLL is infinite or NaN, one that counts them.
  Table table() const;
};

/// Evaluates every condition on every task.
///
/// Throws ConfigError when an edit of a condition wrote no entry in the whole
/// run (the results have reached `on_score` then), when two tasks or conditions
/// have the same name, or when a finished result is not of this run.
AblationResult evaluate_conditions(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<PerplexityTask>& tasks,
    const AblationOptions& options = {});

/// The table of `evaluate_conditions`.
Table run_ablation(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<PerplexityTask>& tasks,
    const AblationOptions& options = {});

} // namespace ma
