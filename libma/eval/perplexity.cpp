// Means, standard errors and perplexities from window sums.
#include "libma/eval/perplexity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Mean {
  double value = 0;
  double std_error = kNaN; ///< sample standard deviation / sqrt(n)
};

Mean mean_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  Mean mean;
  for (const double value : values) {
    mean.value += value / n;
  }
  double squares = 0;
  for (const double value : values) {
    squares += (value - mean.value) * (value - mean.value);
  }
  if (values.size() > 1) {
    mean.std_error = std::sqrt(squares / (n - 1) / n);
  }
  return mean;
}

Mean mean_of_sums(double sum, double square_sum, std::int64_t count) {
  const auto n = static_cast<double>(count);
  Mean mean{sum / n};
  if (count > 1) {
    const double variance = square_sum / n - mean.value * mean.value;
    mean.std_error = std::sqrt(std::max(variance, 0.0) / (n - 1));
  }
  return mean;
}

void check(const WindowSet& set, const std::vector<WindowScore>& scores) {
  for (std::size_t i = 0; i < std::min(set.windows.size(), scores.size());
       ++i) {
    if (scores[i].window != static_cast<std::int64_t>(i) ||
        scores[i].n_tokens != set.windows[i].n_targets()) {
      throw ConfigError(
          "perplexity",
          c10::str(
              "the score of window ",
              i,
              " is missing, double or of another text; start the run anew"));
    }
  }
  if (scores.size() != set.windows.size()) {
    throw ConfigError(
        "perplexity",
        c10::str(
            "there are ",
            scores.size(),
            " scores for ",
            set.windows.size(),
            " windows"));
  }
}

/// Means over tokens, where all windows were compared with the original.
void add_divergence(
    const std::vector<WindowScore>& scores, PerplexityResult& result) {
  double kl_sum_nats = 0;
  std::int64_t n_agreeing = 0;
  for (const WindowScore& score : scores) {
    if (!score.divergence) {
      return;
    }
    kl_sum_nats += score.divergence->kl_sum_nats;
    n_agreeing += score.divergence->n_agreeing;
  }
  const auto n = static_cast<double>(result.n_tokens);
  result.kl_nats = kl_sum_nats / n;
  result.agreement = static_cast<double>(n_agreeing) / n;
}

} // namespace

PerplexityResult summarize(
    const WindowSet& windows, std::vector<WindowScore> scores) {
  std::stable_sort(
      scores.begin(),
      scores.end(),
      [](const WindowScore& a, const WindowScore& b) {
        return a.window < b.window;
      });
  check(windows, scores);

  PerplexityResult result;
  result.protocol = windows.protocol;
  result.bos = bos_profile_name(windows.bos);
  result.has_bos = windows.has_bos;
  result.window = windows.window;
  result.stride = windows.stride;
  result.n_windows = static_cast<std::int64_t>(scores.size());
  double sum = 0;
  double square_sum = 0;
  for (const WindowScore& score : scores) {
    sum += score.nll_sum_nats;
    square_sum += score.nll_square_sum;
    result.n_tokens += score.n_tokens;
    result.n_nonfinite += score.n_nonfinite;
    result.n_nonfinite_windows += score.n_nonfinite > 0 ? 1 : 0;
    result.window_nll_nats.push_back(
        score.nll_sum_nats / static_cast<double>(score.n_tokens));
  }
  const Mean mean = windows.aggregation == Aggregation::kWindowMean
                        ? mean_of(result.window_nll_nats)
                        : mean_of_sums(sum, square_sum, result.n_tokens);
  result.mean_nll_nats = mean.value;
  result.std_error_nats = mean.std_error;
  result.perplexity = std::exp(mean.value);
  add_divergence(scores, result);
  if (windows.words && windows.bytes) {
    const auto bytes = static_cast<double>(*windows.bytes);
    result.word_perplexity =
        std::exp(sum / static_cast<double>(*windows.words));
    result.byte_perplexity = std::exp(sum / bytes);
    result.bits_per_byte = sum / bytes / std::numbers::ln2;
  }
  return result;
}

PerplexityResult perplexity(
    const Model& model,
    const WindowSet& windows,
    const PerplexityOptions& options) {
  ConditionRunner runner(model, {{"", {}}});
  std::vector<WindowScore> scores = options.finished;
  const auto n_finished = static_cast<std::int64_t>(scores.size());
  ProgressCounter progress(
      options.progress,
      {.stage = "perplexity",
       .done = n_finished,
       .total = static_cast<std::int64_t>(windows.windows.size()),
       .unit = "windows"});
  score_windows(
      runner,
      windows,
      {.tokens_per_pass = options.tokens_per_pass,
       .is_finished = [n_finished](
                          std::size_t,
                          std::int64_t window) { return window < n_finished; },
       .on_window =
           [&](std::size_t, const WindowScore& score) {
             scores.push_back(score);
             if (options.on_window) {
               options.on_window(score);
             }
             progress.add(1);
           }});
  return summarize(windows, std::move(scores));
}

} // namespace ma
