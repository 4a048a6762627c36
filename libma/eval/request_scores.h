// Scores of requests under conditions: the engine behind zero-shot accuracy.
// Computes shared beginnings once where that is exact, delivers each result as
// it comes, and can go on where a killed run stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "libma/eval/conditions.h"
#include "libma/eval/request_score.h"
#include "libma/eval/requests.h"

namespace ma {

/// Requests that are scored together: those of one document.
using RequestGroup = std::vector<TokenRequest>;

/// What one condition makes of one group.
struct GroupScore {
  std::int64_t group = 0;                ///< index in the list of groups
  std::vector<RequestScore> scores = {}; ///< one per request
  /// Entries that each edit of the condition wrote in the pass that this group
  /// was part of; counted at the pass's first group, 0 at its others.
  std::vector<std::int64_t> edited = {};

  bool operator==(const GroupScore&) const = default;
};

struct RequestScoringOptions {
  /// Tokens of a pass, which bounds the memory it takes; 0: 512 on the CPU,
  /// 16,384 elsewhere. Numbers do not depend on it beyond float noise.
  std::int64_t tokens_per_pass = 0;
  /// Computes what requests of a group (and groups of one context) have in
  /// common once, for the conditions where that is exact. Turning it off
  /// changes nothing but the time and float noise.
  bool share_prefixes = true;
  /// As in ScoringOptions, for groups.
  std::function<bool(std::size_t condition, std::int64_t group)> is_finished =
      {};
  /// Gets each new result. May throw to stop.
  std::function<void(std::size_t condition, const GroupScore& score)> on_group =
      {};
};

/// Scores all groups under every condition of `runner`, longest first, and
/// hands the results to `options.on_group`.
///
/// Requests become rows of token trees unless that could change a number: a
/// condition whose edits depend on whole rows (fits_token_trees) gets each
/// sequence in a row of its own from its first edit on, and so do all when the
/// model has other hooks, which may look at anything. Groups whose requests
/// part before an edited position are not merged either.
void score_requests(
    ConditionRunner& runner,
    const std::vector<RequestGroup>& groups,
    const RequestScoringOptions& options);

} // namespace ma
