// Packs requests into passes, runs the conditions, and sums in double.
#include "libma/eval/request_scores.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "libma/core/error.h"
#include "libma/eval/request_packing.h"

namespace ma {
namespace {

/// The last position that a condition on trees edits, or -1.
std::int64_t last_edited_position(const std::vector<Condition>& conditions) {
  std::int64_t last = -1;
  for (const Condition& condition : conditions) {
    if (fits_token_trees(condition)) {
      for (const Intervention& edit : condition.edits) {
        for (const auto position : edit.options().select.positions) {
          last = std::max(last, position);
        }
      }
    }
  }
  return last;
}

/// Scores one pass under the conditions that still need it.
class PassScorer {
 public:
  PassScorer(
      ConditionRunner& runner,
      const std::vector<RequestGroup>& groups,
      const RequestScoringOptions& options)
      : runner_(runner), groups_(groups), options_(options) {}

  void operator()(const RequestPass& pass) {
    std::vector<bool> wanted;
    bool needs_separate = false;
    for (std::size_t i = 0; i < n_conditions(); ++i) {
      wanted.push_back(has_work(i, pass));
      needs_separate = needs_separate || (wanted[i] && !is_on_trees(i));
    }
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) {
      return;
    }
    const RowLayout trees = layout_trees(pass, groups_);
    std::optional<RowLayout> separate;
    SeparateRows rows;
    if (needs_separate) {
      separate = layout_separate_rows(pass, groups_);
      rows = {separate->batch, separate->columns};
    }
    std::vector<TokenScores> scores(n_conditions()); // on the CPU
    const auto before = runner_.edited();
    runner_.run(
        trees.batch,
        [&](std::size_t condition, const torch::Tensor& stream) {
          const RowLayout& layout =
              separate && !is_on_trees(condition) ? *separate : trees;
          const TokenScores found = runner_.model().score(
              stream, layout.positions, layout.targets, layout.batch);
          scores[condition] = {
              found.nll_nats.to(torch::kCPU, torch::kFloat64),
              found.is_greedy.to(torch::kCPU)};
        },
        wanted,
        separate ? &rows : nullptr);
    for (std::size_t i = 0; i < n_conditions(); ++i) {
      if (wanted[i]) {
        deliver(i, pass, scores[i], before[i]);
      }
    }
  }

 private:
  std::size_t n_conditions() const { return runner_.conditions().size(); }

  bool is_on_trees(std::size_t condition) const {
    return fits_token_trees(runner_.conditions()[condition]);
  }

  bool is_finished(std::size_t condition, std::int64_t group) const {
    return options_.is_finished && options_.is_finished(condition, group);
  }

  bool has_work(std::size_t condition, const RequestPass& pass) const {
    return std::any_of(
        pass.groups.begin(), pass.groups.end(), [&](std::int64_t group) {
          return !is_finished(condition, group);
        });
  }

  void deliver(
      std::size_t condition,
      const RequestPass& pass,
      const TokenScores& scores,
      const std::vector<std::int64_t>& edited_before) {
    const double* nll_nats = scores.nll_nats.const_data_ptr<double>();
    const bool* is_greedy = scores.is_greedy.const_data_ptr<bool>();
    for (const std::int64_t group : pass.groups) {
      GroupScore result{.group = group};
      for (const auto& request : groups_[static_cast<std::size_t>(group)]) {
        RequestScore score{
            .n_tokens = request.n_targets(),
            .is_greedy = true,
            .is_truncated = request.is_truncated};
        for (std::int64_t i = 0; i < score.n_tokens; ++i) {
          score.log_likelihood_nats -= *nll_nats++;
          score.is_greedy = *is_greedy++ && score.is_greedy;
        }
        result.scores.push_back(score);
      }
      for (std::size_t e = 0; e < edited_before.size(); ++e) {
        const auto now = runner_.effects(condition)[e].edited;
        const bool is_first = group == pass.groups.front();
        result.edited.push_back(is_first ? now - edited_before[e] : 0);
      }
      if (options_.on_group && !is_finished(condition, group)) {
        options_.on_group(condition, result);
      }
    }
  }

  ConditionRunner& runner_;
  const std::vector<RequestGroup>& groups_;
  const RequestScoringOptions& options_;
};

} // namespace

void score_requests(
    ConditionRunner& runner,
    const std::vector<RequestGroup>& groups,
    const RequestScoringOptions& options) {
  const auto& conditions = runner.conditions();
  const bool has_separate =
      !std::all_of(conditions.begin(), conditions.end(), fits_token_trees);
  const PackingOptions packing{
      .tokens_per_pass =
          pass_tokens(options.tokens_per_pass, runner.model().device()),
      .merge = options.share_prefixes && !runner.model().hooks().any_active(),
      .n_shared_at_least = last_edited_position(conditions) + 1,
      .counts_separate_rows = has_separate,
      .may_share_a_row = [&config = runner.model().config()](
                             std::int64_t shortest, std::int64_t longest) {
        return !config.changes_frequencies(shortest, longest);
      }};
  PassScorer score(runner, groups, options);
  for (const RequestPass& pass : pack_requests(groups, packing)) {
    score(pass);
  }
}

} // namespace ma
