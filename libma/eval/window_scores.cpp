// Batches windows of one length, scores them, and sums in double.
#include "libma/eval/window_scores.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "libma/eval/divergence.h"

namespace ma {
namespace {

constexpr std::int64_t kCpuReferenceBytes = std::int64_t{1} << 30;
constexpr std::int64_t kDeviceReferenceBytes = std::int64_t{4} << 30;

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
  torch::Tensor ids;   ///< [batch, pos]
  ScoredTokens tokens; ///< window after window
};

/// Most tokens of a pass whose probabilities the unedited model's predictions
/// may keep.
std::int64_t most_compared_tokens(const Model& model) {
  const auto bytes =
      model.device().is_cpu() ? kCpuReferenceBytes : kDeviceReferenceBytes;
  const std::int64_t width = model.dtype() == torch::kFloat64 ? 8 : 4;
  return bytes / (model.config().vocab * width);
}

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
      {at::tensor(positions, torch::kInt64),
       at::tensor(targets, torch::kInt64)}};
}

/// The score of a window whose tokens are `found`, in order.
WindowScore sum_window(std::int64_t index, const TokenDivergence& found) {
  WindowScore score;
  score.window = index;
  score.n_tokens = found.nll_nats.size(0);
  const auto* nll_nats = found.nll_nats.const_data_ptr<double>();
  for (std::int64_t i = 0; i < score.n_tokens; ++i) {
    const double nll = nll_nats[i];
    score.nll_sum_nats += nll;
    score.nll_square_sum += nll * nll;
    score.n_nonfinite += std::isfinite(nll) ? 0 : 1;
  }
  if (!found.kl_nats.defined()) {
    return score;
  }
  WindowDivergence& divergence = score.divergence.emplace();
  const auto* kl_nats = found.kl_nats.const_data_ptr<double>();
  const auto* agrees = found.agrees.const_data_ptr<bool>();
  for (std::int64_t i = 0; i < score.n_tokens; ++i) {
    divergence.kl_sum_nats += kl_nats[i];
    divergence.n_agreeing += agrees[i] ? 1 : 0;
  }
  return score;
}

/// Tokens [first, first + count) of `all`.
TokenDivergence slice(
    const TokenDivergence& all, std::int64_t first, std::int64_t count) {
  const auto part = [&](const torch::Tensor& x) {
    return x.defined() ? x.narrow(/*dim=*/0, first, count) : x;
  };
  return {part(all.nll_nats), part(all.kl_nats), part(all.agrees)};
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
    wanted.reserve(runner_.conditions().size());
    for (std::size_t i = 0; i < runner_.conditions().size(); ++i) {
      wanted.push_back(has_work(i, pass));
    }
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) {
      return;
    }
    const auto before = runner_.edited();
    const auto found = measure(make_tensors(set_.windows, pass), wanted);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i]) {
        deliver(i, pass, found[i], before[i]);
      }
    }
  }

 private:
  /// Each wanted condition's tokens; without their divergence unless it is
  /// asked for.
  std::vector<TokenDivergence> measure(
      const PassTensors& pass, std::vector<bool> wanted) {
    const Model& model = runner_.model();
    const TokenBatch batch(pass.ids);
    std::vector<TokenDivergence> found(wanted.size());
    std::optional<ReferencePredictions> reference;
    if (options_.divergence) {
      const auto stream = model.run_blocks(
          model.embed(batch), 0, model.config().n_layers, batch);
      reference.emplace(model, pass.tokens, stream, batch);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] && runner_.conditions()[i].edits.empty()) {
          found[i] = reference->itself();
          wanted[i] = false;
        }
      }
    }
    runner_.run(
        batch,
        [&](std::size_t condition, const torch::Tensor& stream) {
          if (reference) {
            found[condition] = reference->compare(stream);
            return;
          }
          const auto& [positions, targets] = pass.tokens;
          found[condition].nll_nats =
              model.score(stream, positions, targets, batch)
                  .nll_nats.to(torch::kCPU, torch::kFloat64);
        },
        wanted);
    return found;
  }

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
      const TokenDivergence& found,
      const std::vector<std::int64_t>& edited_before) {
    std::int64_t next = 0;
    for (std::size_t i = pass.first; i < pass.last; ++i) {
      const auto n_tokens = set_.windows[i].n_targets();
      WindowScore score = sum_window(
          static_cast<std::int64_t>(i), slice(found, next, n_tokens));
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
  auto tokens = pass_tokens(options.tokens_per_pass, runner.model().device());
  if (options.divergence) {
    tokens = std::min(tokens, most_compared_tokens(runner.model()));
  }
  PassScorer score(runner, windows, options);
  for (const Pass pass : make_passes(windows.windows, tokens)) {
    score(pass);
  }
}

} // namespace ma
