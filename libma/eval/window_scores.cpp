// Batches windows of one length, scores them, and sums in double.
#include "libma/eval/window_scores.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

/// Windows [first, last) that run as one batch.
struct Pass {
  std::size_t first = 0, last = 0;
};

/// Neighbours of one length, up to `tokens` a pass. Does not depend on what is
/// finished: the batch decides the last bits of its results.
std::vector<Pass> make_passes(
    const std::vector<Window>& windows, std::int64_t tokens) {
  std::vector<Pass> passes;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const auto length = windows[i].n_inputs;
    const bool fits =
        !passes.empty() && windows[passes.back().first].n_inputs == length &&
        static_cast<std::int64_t>(i + 1 - passes.back().first) * length <=
            tokens;
    if (fits) {
      passes.back().last = i + 1;
    } else {
      passes.push_back({i, i + 1});
    }
  }
  return passes;
}

/// What a pass reads and what it scores.
struct PassTensors {
  torch::Tensor ids;       ///< [batch, pos]
  torch::Tensor positions; ///< [n], flat, window after window
  torch::Tensor targets;   ///< [n]
};

PassTensors make_tensors(const std::vector<Window>& windows, Pass pass) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> targets;
  const auto length = windows[pass.first].n_inputs;
  for (std::size_t i = pass.first; i < pass.last; ++i) {
    const Window& window = windows[i];
    const auto row = static_cast<std::int64_t>(i - pass.first) * length;
    ids.insert(
        ids.end(), window.ids.begin(), window.ids.begin() + window.n_inputs);
    const auto n_ids = static_cast<std::int64_t>(window.ids.size());
    for (std::int64_t t = window.first_target; t < n_ids; ++t) {
      positions.push_back(row + t - 1);
      targets.push_back(window.ids[static_cast<std::size_t>(t)]);
    }
  }
  return {
      at::tensor(ids, torch::kInt64).view({-1, length}),
      at::tensor(positions, torch::kInt64),
      at::tensor(targets, torch::kInt64)};
}

WindowScore sum_window(
    std::int64_t index, const double* nll_nats, std::int64_t n_tokens) {
  WindowScore score;
  score.window = index;
  score.n_tokens = n_tokens;
  for (std::int64_t i = 0; i < n_tokens; ++i) {
    const double nll = nll_nats[i];
    score.nll_sum_nats += nll;
    score.nll_square_sum += nll * nll;
    score.n_nonfinite += std::isfinite(nll) ? 0 : 1;
  }
  return score;
}

/// Scores one batch of windows under the conditions that still need it.
class PassScorer {
 public:
  PassScorer(
      ConditionRunner& runner,
      const WindowSet& set,
      const ScoringOptions& options)
      : runner_(runner), set_(set), options_(options) {}

  void operator()(Pass pass) {
    std::vector<bool> wanted;
    for (std::size_t i = 0; i < runner_.conditions().size(); ++i) {
      wanted.push_back(has_work(i, pass));
    }
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) {
      return;
    }
    const PassTensors tensors = make_tensors(set_.windows, pass);
    const TokenBatch batch(tensors.ids);
    std::vector<torch::Tensor> nll(wanted.size()); // float64 [n], CPU
    const auto before = runner_.edited();
    runner_.run(
        batch,
        [&](std::size_t condition, const torch::Tensor& stream) {
          nll[condition] =
              runner_.model()
                  .score(stream, tensors.positions, tensors.targets, batch)
                  .nll_nats.to(torch::kCPU, torch::kFloat64);
        },
        wanted);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i]) {
        deliver(i, pass, nll[i], before[i]);
      }
    }
  }

 private:
  bool is_finished(std::size_t condition, std::size_t window) const {
    return options_.is_finished &&
           options_.is_finished(condition, static_cast<std::int64_t>(window));
  }

  bool has_work(std::size_t condition, Pass pass) const {
    for (std::size_t i = pass.first; i < pass.last; ++i) {
      if (!is_finished(condition, i)) {
        return true;
      }
    }
    return false;
  }

  void deliver(
      std::size_t condition,
      Pass pass,
      const torch::Tensor& nll,
      const std::vector<std::int64_t>& edited_before) {
    const double* next = nll.const_data_ptr<double>();
    for (std::size_t i = pass.first; i < pass.last; ++i) {
      const auto n_tokens = set_.windows[i].n_targets();
      WindowScore score =
          sum_window(static_cast<std::int64_t>(i), next, n_tokens);
      next += n_tokens;
      for (std::size_t e = 0; e < edited_before.size(); ++e) {
        const auto now = runner_.effects(condition)[e].edited;
        score.edited.push_back(i == pass.first ? now - edited_before[e] : 0);
      }
      if (options_.on_window && !is_finished(condition, i)) {
        options_.on_window(condition, score);
      }
    }
  }

  ConditionRunner& runner_;
  const WindowSet& set_;
  const ScoringOptions& options_;
};

} // namespace

void score_windows(
    ConditionRunner& runner,
    const WindowSet& windows,
    const ScoringOptions& options) {
  const auto tokens =
      pass_tokens(options.tokens_per_pass, runner.model().device());
  PassScorer score(runner, windows, options);
  for (const Pass pass : make_passes(windows.windows, tokens)) {
    score(pass);
  }
}

} // namespace ma
