#include "libma/eval/ablation.h"

#include <cmath>

#include "tests/tiny_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {
namespace {

PerplexityTask make_task(
    const std::string& name, std::int64_t n, std::uint64_t seed) {
  const auto ids = testing::random_ids(1, n, seed);
  const auto* first = ids.const_data_ptr<std::int64_t>();
  return {name, make_windows({first, first + n}, {.window = 6})};
}

Intervention set_entry(const std::string& site, double value) {
  return make_intervention(
      "set_value",
      {.site = site, .select = Selection::at({0}, {3}), .value = value});
}

class AblationTest : public ::testing::Test {
 protected:
  AblationResult evaluate(const AblationOptions& options = {}) const {
    return evaluate_conditions(model_, conditions_, tasks_, options);
  }

  /// Runs until `limit` results have come, as a killed run would.
  std::vector<AblationScore> run_partly(std::size_t limit) const {
    struct Killed {};
    std::vector<AblationScore> journal;
    try {
      evaluate(
          {.tokens_per_pass = 12, .on_score = [&](const AblationScore& score) {
             if (journal.size() == limit) {
               throw Killed();
             }
             journal.push_back(score);
           }});
    } catch (const Killed&) {
    }
    return journal;
  }

  Model model_ = testing::make_tiny_model(testing::tiny_config("llama"));
  std::vector<AblationTask> tasks_ = {
      make_task("one", 30, 1), make_task("two", 19, 2)};
  std::vector<Condition> conditions_ = {
      {"original", {}}, {"high", {set_entry("blocks.1.resid_post", 1e4)}}};
};

TEST_F(AblationTest, FillsTheTableWithEachConditionsPerplexity) {
  const Table table = run_ablation(model_, conditions_, tasks_);
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(table.columns().size(), 3U);
  for (const AblationTask& any : tasks_) {
    const auto& task = std::get<PerplexityTask>(any);
    EXPECT_EQ(
        std::get<double>(table.at(0, task.name)),
        perplexity(model_, task.windows).perplexity);
    const auto handle =
        model_.add_hook("blocks.1.resid_post", conditions_[1].edits[0]);
    EXPECT_EQ(
        std::get<double>(table.at(1, task.name)),
        perplexity(model_, task.windows).perplexity);
  }
  EXPECT_NE(
      std::get<double>(table.at(0, "one")),
      std::get<double>(table.at(1, "one")));
}

TEST_F(AblationTest, EndsWithTheSameBitsWhereverItWasKilled) {
  const auto whole = evaluate({.tokens_per_pass = 12});
  for (std::size_t n = 0; n <= 16; ++n) {
    std::vector<AblationScore> journal;
    for (const AblationScore& score : run_partly(n)) {
      journal.push_back(ablation_score_from_json(to_json(score)));
    }
    ASSERT_EQ(journal.size(), n);
    std::size_t fresh = 0;
    const auto resumed = evaluate(
        {.tokens_per_pass = 12,
         .finished = journal,
         .on_score = [&](const AblationScore&) { ++fresh; }});
    EXPECT_EQ(fresh, 16 - n);
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t t = 0; t < 2; ++t) {
        const auto& ours = std::get<PerplexityResult>(resumed.results[c][t]);
        const auto& all = std::get<PerplexityResult>(whole.results[c][t]);
        EXPECT_EQ(ours.window_nll_nats, all.window_nll_nats);
        EXPECT_EQ(ours.std_error_nats, all.std_error_nats);
      }
    }
  }
}

TEST_F(AblationTest, RefusesAnEditThatWroteNothing) {
  conditions_.push_back(
      {"nothing",
       {set_entry("blocks.2.resid_post", 1),
        make_intervention(
            "set_value",
            {.site = "blocks.1.resid_post",
             .select = {.kind = SelectionKind::kCriterion, .magnitude = 1e30},
             .value = 0})}});
  try {
    evaluate();
    FAIL() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_THAT(
        error.what(),
        ::testing::AllOf(
            ::testing::HasSubstr("[condition 'nothing']"),
            ::testing::HasSubstr("at blocks.1.resid_post wrote no entry")));
  }
}

TEST_F(AblationTest, RemembersTheEditsOfAnEarlierRun) {
  const auto journal = run_partly(16); // all of it
  EXPECT_NO_THROW(evaluate({.tokens_per_pass = 12, .finished = journal}));
}

TEST_F(AblationTest, RefusesResultsOfAnotherRun) {
  auto journal = run_partly(3);
  journal[1].task = "three";
  EXPECT_THROW(evaluate({.finished = journal}), UnknownNameError);
  journal = run_partly(3);
  std::get<WindowScore>(journal[1].score).n_tokens += 1;
  EXPECT_THROW(evaluate({.finished = journal}), ConfigError);
  journal = run_partly(3);
  std::get<WindowScore>(journal[1].score).window = 99;
  EXPECT_THROW(evaluate({.finished = journal}), ConfigError);
}

TEST_F(AblationTest, RefusesTwoTasksOfOneName) {
  std::get<PerplexityTask>(tasks_[1]).name = "one";
  EXPECT_THROW(evaluate(), ConfigError);
}

TEST_F(AblationTest, CountsNonFiniteTokensInAColumnOfTheirOwn) {
  conditions_.push_back(
      {"broken",
       {make_intervention(
           "set_value",
           {.site = "ln_final.scale",
            .select = Selection::at({0}, {0}),
            .value = 0})}}); // divides by zero at each window's first token
  const Table table = evaluate().table();
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "one non-finite")), 0);
  EXPECT_EQ(std::get<std::int64_t>(table.at(2, "one non-finite")), 5);
  EXPECT_TRUE(std::isnan(std::get<double>(table.at(2, "one"))));
}

TEST(AblationScoreTest, KeepsInfinityInJson) {
  const WindowScore window{4, 5, INFINITY, INFINITY, 5, {1, 2}};
  const AblationScore score = {"t", "c", window};
  const auto text = to_json(score).dump();
  const auto read = ablation_score_from_json(nlohmann::json::parse(text));
  EXPECT_EQ(read.score, score.score);
  EXPECT_EQ(read.condition, "c");
  EXPECT_THROW(ablation_score_from_json(nlohmann::json::object()), ConfigError);
}

} // namespace
} // namespace ma
