// Log-likelihoods of whole texts, as lm-evaluation-harness's
// `loglikelihood_rolling` gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "libma/core/progress.h"
#include "libma/eval/bos.h"
#include "libma/interventions/intervention.h"
#include "libma/models/model.h"

namespace ma {

struct RollingOptions {
  std::int64_t max_length = 0;      ///< tokens of a window; 0: the model's
  std::int64_t tokens_per_pass = 0; ///< as in ScoringOptions
  /// Gets each text's result once it is complete. May throw to stop.
  std::function<void(std::size_t text, double log_likelihood_nats)> on_text =
      {};
  ProgressFn progress = {}; ///< counts windows
};

/// log p(text) of each of `texts` (UTF-8) under `model` with `edits`, in nats,
/// summed in double; 0 for a text without tokens.
///
/// Each text by itself, in the windows of protocol `lm-eval-rolling`: every
/// token counts once, the first after the profile's prefix token. An edit's
/// positions count from the start of each window. Throws ConfigError when the
/// profile names no prefix token.
std::vector<double> rolling_log_likelihoods(
    const Model& model,
    const std::vector<std::string>& texts,
    const std::vector<Intervention>& edits,
    BosProfile profile,
    const RollingOptions& options = {});

} // namespace ma
