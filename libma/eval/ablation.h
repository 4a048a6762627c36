// The ablation table: perplexities and zero-shot accuracies (columns) of a
// model under edits (rows), in one pass over each text and task.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/progress.h"
#include "libma/core/table.h"
#include "libma/eval/conditions.h"
#include "libma/eval/perplexity.h"
#include "libma/eval/zero_shot.h"

namespace ma {

/// A text as a column of the table.
struct PerplexityTask {
  std::string name; ///< "wikitext2"
  WindowSet windows;
  bool divergence = false; ///< KL and agreement with the unedited model too
};

/// A column of the table.
using AblationTask = std::variant<PerplexityTask, ZeroShotTask>;

/// One finished result, of a window or of a document: what a journal keeps.
struct AblationScore {
  std::string task;
  std::string condition;
  std::variant<WindowScore, GroupScore> score;
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
  ProgressFn progress = {}; ///< counts windows or documents, times conditions
};

using TaskResult = std::variant<PerplexityResult, ZeroShotResult>;

struct AblationResult {
  std::vector<std::string> conditions;          ///< in the order given
  std::vector<std::string> tasks;               ///< in the order given
  std::vector<std::vector<TaskResult>> results; ///< [condition][task]

  /// Rows are conditions. A text has a column of perplexities (per word for
  /// lm-eval-rolling), those of KL and agreement where they were asked for,
  /// and, if any token's NLL is infinite or NaN, one that counts them. A task
  /// has a column of accuracies with their standard errors; several are
  /// followed by their mean, and all by a row with the accuracy of guessing.
  Table table() const;

  /// Every metric of every task: condition, task, metric, value and standard
  /// error, chance, number of documents. No rows without zero-shot tasks.
  Table metrics_table() const;
};

/// Evaluates every condition on every task.
///
/// Throws ConfigError when an edit of a condition wrote no entry in the whole
/// run (the results have reached `on_score` then), when two tasks or conditions
/// have the same name, or when a finished result is not of this run.
AblationResult evaluate_conditions(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    const AblationOptions& options = {});

/// Perplexity of `model` under `edits` on `windows`, with KL and agreement with
/// the model without them (but with its other hooks). Throws as
/// evaluate_conditions does.
PerplexityResult divergence(
    const Model& model,
    const WindowSet& windows,
    const std::vector<Intervention>& edits,
    const AblationOptions& options = {});

/// The table of `evaluate_conditions`.
Table run_ablation(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    const AblationOptions& options = {});

} // namespace ma
