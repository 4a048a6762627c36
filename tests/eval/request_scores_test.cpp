#include "libma/eval/request_scores.h"

#include <map>
#include <random>
#include <utility>

#include "tests/tiny_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using testing::make_tiny_model;
using testing::tiny_config;

constexpr double kSame = 1e-11; // nats, float64

using Scores = std::map<std::pair<std::size_t, std::int64_t>, GroupScore>;

TokenIds draw(std::mt19937& random, std::int64_t n) {
  TokenIds ids;
  for (std::int64_t i = 0; i < n; ++i) {
    ids.push_back(static_cast<std::int64_t>(random() % 61));
  }
  return ids;
}

/// Documents with a common context and choices of 1 to 4 tokens; some contexts
/// stand in two documents, some choices begin alike.
std::vector<RequestGroup> make_groups() {
  std::mt19937 random(3);
  std::vector<RequestGroup> groups;
  TokenIds context;
  for (std::int64_t document = 0; document < 12; ++document) {
    if (document % 3 != 1) {
      context = draw(random, 3 + document % 5);
    }
    const auto begin = draw(random, 1);
    RequestGroup& group = groups.emplace_back();
    for (std::int64_t choice = 0; choice < 2 + document % 3; ++choice) {
      TokenIds ids = context;
      const auto rest = draw(random, document == 5 ? 1 : 1 + choice);
      if (choice % 2 == 0 && document != 5) {
        ids.insert(ids.end(), begin.begin(), begin.end());
      }
      ids.insert(ids.end(), rest.begin(), rest.end());
      group.push_back(
          {.ids = ids,
           .first_target = static_cast<std::int64_t>(context.size())});
    }
  }
  return groups;
}

Intervention set_entry(Selection select, const std::string& site) {
  return make_intervention(
      "set_value", {.site = site, .select = std::move(select), .value = 30});
}

/// Edits that fit token trees and edits that do not.
std::vector<Condition> make_conditions() {
  const std::string site = "blocks.1.resid_post";
  auto means = at::arange(4 * 2 * 32, torch::kFloat64).view({4, 2, 32}) / 9;
  Selection near_median{.kind = SelectionKind::kMedianMagnitude, .count = 2};
  Selection at_start = near_median;
  at_start.positions = {0};
  return {
      {"original", {}},
      {"start", {set_entry(Selection::at({0}, {3}), site)}},
      {"third", {set_entry(Selection::at({2}, {3, 4}), site)}},
      {"embedding", {set_entry(Selection::at({1}, {3}), "embed")}},
      {"all positions",
       {set_entry(Selection::at({}, {5}), "blocks.2.mlp_out")}},
      {"means",
       {make_intervention(
           "set_value",
           {.site = site,
            .select = Selection::at({0, 1}, {7}),
            .means = means})}},
      {"median at start", {set_entry(at_start, site)}},
      {"last", {set_entry(Selection::at({-1}, {3}), site)}},
      {"median", {set_entry(near_median, site)}},
      {"largest",
       {set_entry({.kind = SelectionKind::kTopK, .count = 3}, site)}},
      {"random",
       {set_entry({.kind = SelectionKind::kRandom, .count = 4}, "embed")}},
      {"logits", {set_entry(Selection::at({2}, {9}), "logits")}},
  };
}

/// Each request by itself: one sequence, one pass, all logits.
RequestScore score_alone(
    const Model& model, const Condition& condition, const TokenRequest& asked) {
  std::vector<HookHandle> handles;
  for (const Intervention& edit : condition.edits) {
    handles.push_back(model.add_hook(edit.site(), edit));
  }
  const auto logits =
      model.forward(TokenBatch(at::tensor(asked.inputs(), torch::kInt64)))[0];
  const auto log_probs = at::log_softmax(logits, /*dim=*/-1); // [pos, vocab]
  RequestScore score{.n_tokens = asked.n_targets(), .is_greedy = true};
  for (auto t = asked.first_target;
       t < static_cast<std::int64_t>(asked.ids.size());
       ++t) {
    const auto id = asked.ids[static_cast<std::size_t>(t)];
    score.log_likelihood_nats += log_probs[t - 1][id].item<double>();
    score.is_greedy =
        score.is_greedy && log_probs[t - 1].argmax().item<std::int64_t>() == id;
  }
  return score;
}

Scores score(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<RequestGroup>& groups,
    RequestScoringOptions options = {}) {
  ConditionRunner runner(model, conditions);
  Scores scores;
  options.on_group = [&](std::size_t condition, const GroupScore& result) {
    scores[{condition, result.group}] = result;
  };
  score_requests(runner, groups, options);
  return scores;
}

class RequestScoresTest : public ::testing::TestWithParam<std::string> {
 protected:
  Model model_ =
      make_tiny_model(tiny_config(GetParam()), {.dtype = torch::kFloat64});
  std::vector<Condition> conditions_ = make_conditions();
  std::vector<RequestGroup> groups_ = make_groups();

  /// Computed once for each condition and group.
  const std::vector<RequestScore>& alone(
      std::size_t condition, std::int64_t number) {
    auto& scores = alone_[{condition, number}];
    const auto& group = groups_[static_cast<std::size_t>(number)];
    for (std::size_t i = scores.size(); i < group.size(); ++i) {
      scores.push_back(score_alone(model_, conditions_[condition], group[i]));
    }
    return scores;
  }

  void expect_alone(const Scores& scores) {
    ASSERT_EQ(scores.size(), conditions_.size() * groups_.size());
    for (const auto& [key, result] : scores) {
      const auto& expected = alone(key.first, key.second);
      ASSERT_EQ(result.scores.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(
            result.scores[i].log_likelihood_nats,
            expected[i].log_likelihood_nats,
            kSame)
            << conditions_[key.first].name << ", document " << key.second
            << ", " << i;
        EXPECT_EQ(result.scores[i].is_greedy, expected[i].is_greedy);
        EXPECT_EQ(result.scores[i].n_tokens, expected[i].n_tokens);
      }
    }
  }

 private:
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<RequestScore>>
      alone_;
};

TEST_P(RequestScoresTest, GivesEachRequestTheScoreItHasAlone) {
  expect_alone(score(model_, conditions_, groups_));
}

TEST_P(RequestScoresTest, DoesNotDependOnPassesOrSharing) {
  for (const std::int64_t tokens : {1, 17, 60}) {
    for (const bool share : {true, false}) {
      expect_alone(score(
          model_,
          conditions_,
          groups_,
          {.tokens_per_pass = tokens, .share_prefixes = share}));
    }
  }
}

TEST_P(RequestScoresTest, DoesNotDependOnTheOrderOfDocuments) {
  std::reverse(groups_.begin(), groups_.end());
  expect_alone(score(model_, conditions_, groups_));
}

TEST_P(RequestScoresTest, SharesNothingUnderHooksOfTheUser) {
  // The mean of a row depends on what else stands in it.
  const auto handle = model_.add_hook(
      "blocks.0.resid_post", [](const torch::Tensor& x, const HookSite& at) {
        EXPECT_FALSE(at.batch->visible.defined());
        const auto real = at.batch->mask.defined()
                              ? at.batch->mask.to(x.dtype()).unsqueeze(2)
                              : at::ones_like(x.narrow(/*dim=*/2, 0, 1));
        return x + (x * real).sum(/*dim=*/1, /*keepdim=*/true) /
                       real.sum(/*dim=*/1, /*keepdim=*/true);
      });
  expect_alone(score(model_, conditions_, groups_));
}

TEST_P(RequestScoresTest, MergesNoSequencesThatPartBeforeAnEditedPosition) {
  // Position 6 is in the choices of the shorter documents and missing in some.
  conditions_ = {{"sixth", {set_entry(Selection::at({5}, {3}), "embed")}}};
  std::erase_if(groups_, [](const RequestGroup& group) {
    return std::any_of(group.begin(), group.end(), [](const auto& request) {
      return request.inputs().size() < 6;
    });
  });
  ASSERT_GT(groups_.size(), 2);
  expect_alone(score(model_, conditions_, groups_));
}

TEST_P(RequestScoresTest, RefusesAPositionThatARequestLacks) {
  conditions_ = {{"far", {set_entry(Selection::at({40}, {3}), "embed")}}};
  EXPECT_THROW(score(model_, conditions_, groups_), ShapeError);
}

TEST_P(RequestScoresTest, RepeatsNothingThatIsFinished) {
  const auto all = score(model_, conditions_, groups_, {.tokens_per_pass = 40});
  const auto rest = score(
      model_,
      conditions_,
      groups_,
      {.tokens_per_pass = 40,
       .is_finished = [](std::size_t condition, std::int64_t group) {
         return condition == 0 || group < 6;
       }});
  EXPECT_EQ(rest.size(), (conditions_.size() - 1) * (groups_.size() - 6));
  for (const auto& [key, result] : rest) {
    EXPECT_EQ(result.scores, all.at(key).scores);
  }
}

TEST_P(RequestScoresTest, RequestsOfOneLongContextAreReadOnce) {
  std::mt19937 random(4);
  const auto context = draw(random, 30);
  groups_.clear();
  for (int choice = 0; choice < 4; ++choice) { // each in a group of its own
    TokenIds ids = context;
    const auto rest = draw(random, 3);
    ids.insert(ids.end(), rest.begin(), rest.end());
    groups_.push_back({{.ids = ids, .first_target = 30}});
  }
  conditions_ = {{"start", {set_entry(Selection::at({0}, {3}), "embed")}}};
  expect_alone(score(model_, conditions_, groups_, {.tokens_per_pass = 40}));
  const auto& edit = conditions_.front().edits.front();
  const auto calls = edit.stats().calls;
  score(model_, conditions_, groups_, {.tokens_per_pass = 40});
  EXPECT_EQ(edit.stats().calls - calls, 1);
}

TEST_P(RequestScoresTest, RefusesANegativeBudget) {
  EXPECT_THROW(
      score(model_, conditions_, groups_, {.tokens_per_pass = -1}),
      ConfigError);
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    RequestScoresTest,
    ::testing::ValuesIn(testing::architectures()),
    [](const auto& info) { return info.param; });

TEST(RequestScoresRopeTest, MergesNoSequencesWhoseAnglesDiffer) {
  auto config = tiny_config("llama");
  config["rope_scaling"] = {
      {"rope_type", "longrope"},
      {"factor", 2.0},
      {"original_max_position_embeddings", 10},
      {"short_factor", {1.0, 1.1, 1.2, 1.3}},
      {"long_factor", {2.0, 9.0, 40.0, 50.0}}};
  const auto model = make_tiny_model(config, {.dtype = torch::kFloat64});
  std::mt19937 random(5);
  const auto context = draw(random, 6);
  RequestGroup group; // inputs of 8 and of 14 tokens
  for (const std::int64_t n : {3, 9}) {
    TokenIds ids = context;
    const auto rest = draw(random, n);
    ids.insert(ids.end(), rest.begin(), rest.end());
    group.push_back({.ids = ids, .first_target = 6});
  }
  const std::vector<Condition> conditions = {{"original", {}}};
  const auto found = score(model, conditions, {group});
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_NEAR(
        found.at({0, 0}).scores[i].log_likelihood_nats,
        score_alone(model, conditions[0], group[i]).log_likelihood_nats,
        kSame);
  }
}

} // namespace
} // namespace ma
