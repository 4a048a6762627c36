// Perplexity: the scores of a protocol's windows as one result.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libma/core/progress.h"
#include "libma/eval/window_scores.h"
#include "libma/eval/windows.h"
#include "libma/models/model.h"

namespace ma {

/// Perplexity under a protocol, with everything it depends on. Infinite and NaN
/// values are results: they are shown as such, and their tokens are counted.
struct PerplexityResult {
  std::string protocol;
  std::string bos;         ///< profile
  bool has_bos = false;    ///< whether a BOS was put anywhere
  std::int64_t window = 0; ///< tokens
  std::int64_t stride = 0; ///< tokens
  std::int64_t n_windows = 0;
  std::int64_t n_tokens = 0; ///< scored
  double mean_nll_nats = 0;  ///< over windows or tokens, as the protocol has it
  double std_error_nats = 0; ///< of that mean; NaN for a single one
  double perplexity = 0;     ///< exp(mean_nll_nats), no unit
  std::optional<double> word_perplexity; ///< lm-eval-rolling: exp(sum / words)
  std::optional<double> byte_perplexity; ///< lm-eval-rolling: exp(sum / bytes)
  std::optional<double> bits_per_byte;   ///< lm-eval-rolling
  std::optional<double> kl_nats;         ///< mean over the scored tokens of
                                 ///< KL(original || edited), where it was
                                 ///< asked for
  std::optional<double> agreement; ///< share of the scored tokens with the
                                   ///< original's most likely token, likewise
  std::int64_t n_nonfinite = 0;    ///< tokens with an infinite or NaN NLL
  std::int64_t n_nonfinite_windows = 0; ///< windows with such a token
  std::vector<double> window_nll_nats;  ///< mean of each window
};

/// The result of `windows` from the score of each, in any order. Throws
/// ConfigError unless there is exactly one score for each window.
PerplexityResult summarize(
    const WindowSet& windows, std::vector<WindowScore> scores);

struct PerplexityOptions {
  std::int64_t tokens_per_pass = 0; ///< as in ScoringOptions
  /// Results of the first windows from an earlier run; only the rest is
  /// computed.
  std::vector<WindowScore> finished = {};
  /// Gets each new result, in order.
  std::function<void(const WindowScore& score)> on_window = {};
  ProgressFn progress = {}; ///< counts windows
};

/// Perplexity of `model`, with whatever hooks it has, on `windows`.
PerplexityResult perplexity(
    const Model& model,
    const WindowSet& windows,
    const PerplexityOptions& options = {});

} // namespace ma
