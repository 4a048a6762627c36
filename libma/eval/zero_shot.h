// Zero-shot accuracy: a task's requests in a model's tokens, and their scores
// as one result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libma/core/progress.h"
#include "libma/core/table.h"
#include "libma/eval/request_scores.h"
#include "libma/eval/task.h"

namespace ma {

/// A task ready for a model: a column of an ablation table.
struct ZeroShotTask {
  std::string name; ///< shown in the table
  Task task;
  BosProfile profile = BosProfile::kLmEvalCurrent;
  std::vector<RequestGroup> groups = {}; ///< one per document
};

/// `task` in the tokens of `model`, under the heading `name`. Throws
/// ConfigError where a request cannot be asked (encode_request).
ZeroShotTask make_zero_shot_task(
    const Model& model, Task task, BosProfile profile, std::string name = "");

/// What a model made of one document.
struct DocumentResult {
  std::vector<RequestScore> requests; ///< one per choice
  DocumentScore score;
};

/// A task's metrics, with everything they depend on.
struct ZeroShotResult {
  std::string task;
  std::int64_t version = 0;
  std::string bos; ///< profile
  std::vector<TaskMetric> metrics;
  std::optional<double> chance; ///< accuracy of guessing, share
  std::int64_t n_ties = 0;      ///< documents with two equally likely choices
  std::int64_t n_truncated = 0; ///< requests that lost context on their left
  std::int64_t n_nonfinite = 0; ///< requests with an infinite or NaN score
  std::vector<DocumentResult> documents;

  /// The metric called `name`. Throws UnknownNameError when the task has none
  /// such.
  const TaskMetric& metric(const std::string& name) const;
};

/// The result of `task` from the score of each of its documents, in any order.
/// Throws ConfigError unless there is exactly one for each.
ZeroShotResult summarize(
    const ZeroShotTask& task, std::vector<GroupScore> scores);

struct ZeroShotOptions {
  std::int64_t tokens_per_pass = 0; ///< as in RequestScoringOptions
  ProgressFn progress = {};         ///< counts requests
  std::int64_t max_length = 0; ///< tokens of a request that the model reads at
                               ///< most; 0: the model's positions
  /// Gets each score as it comes, by its request's index. May throw to stop.
  std::function<void(std::size_t request, const RequestScore& score)> on_score =
      {};
};

/// The log-likelihoods of `requests` under `model` with `edits`, in order. What
/// requests of one context have in common is computed once where that is exact.
std::vector<RequestScore> score_requests(
    const Model& model,
    const std::vector<Request>& requests,
    const std::vector<Intervention>& edits,
    BosProfile profile,
    const ZeroShotOptions& options = {});

} // namespace ma
