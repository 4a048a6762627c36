// Scores of windows under conditions: the engine behind perplexity and the
// ablation table. Delivers each result as it comes, and can go on where a
// killed run stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "libma/eval/conditions.h"
#include "libma/eval/windows.h"

namespace ma {

/// Divergence from the unedited model over the scored tokens of one window.
struct WindowDivergence {
  double kl_sum_nats = 0;      ///< sum of KL(original || edited)
  std::int64_t n_agreeing = 0; ///< tokens with the original's most likely token

  bool operator==(const WindowDivergence&) const = default;
};

/// Sums over the scored tokens of one window, in double and in their order.
struct WindowScore {
  std::int64_t window = 0; ///< index in the WindowSet
  std::int64_t n_tokens = 0;
  double nll_sum_nats = 0;
  double nll_square_sum = 0;    ///< nats squared
  std::int64_t n_nonfinite = 0; ///< tokens whose NLL is infinite or NaN
  /// Entries that each edit of the condition wrote in the pass that this window
  /// was part of; counted at the pass's first window, 0 at its others.
  std::vector<std::int64_t> edited = {};
  std::optional<WindowDivergence> divergence = {}; ///< where it is asked for

  bool operator==(const WindowScore&) const = default;
};

struct ScoringOptions {
  /// Windows of one length share a pass up to this many tokens; 0: 512 on the
  /// CPU, 16,384 elsewhere. Numbers do not depend on it beyond float noise.
  std::int64_t tokens_per_pass = 0;
  /// Compare with the unedited model too: one pass more in all, and the
  /// original's probabilities of a pass in memory, which has no more windows
  /// than keep them below 1 GiB on the CPU, 4 GiB elsewhere.
  bool divergence = false;
  /// Whether a result is there from an earlier run; empty: none is. A pass is
  /// repeated whole unless all of its results are there, so that a resumed run
  /// gives the same bytes.
  std::function<bool(std::size_t condition, std::int64_t window)> is_finished =
      {};
  /// Gets each new result, windows of a condition in ascending order. May throw
  /// to stop.
  std::function<void(std::size_t condition, const WindowScore& score)>
      on_window = {};
};

/// Scores every window under every condition of `runner`, and hands the results
/// to `options.on_window`. Throws ShapeError when a window does not fit the
/// model.
void score_windows(
    ConditionRunner& runner,
    const WindowSet& windows,
    const ScoringOptions& options);

} // namespace ma
