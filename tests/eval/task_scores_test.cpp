// Scores of documents and metrics of tasks.
#include <cmath>
#include <limits>

#include "tests/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/eval/task.h"

namespace ma {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class TaskScoresTest : public ::testing::Test {
 protected:
  /// A task with the keys `prompt` and one document: choices of 4 characters
  /// (4 bytes) and of 3 characters (9 bytes), the first being right.
  Task load(const std::string& prompt) {
    folder_.write(
        "rows.jsonl", "{\"choices\": [\"four\", \"\\u3042\\u3044\\u3046\"]}\n");
    return load_task(folder_
                         .write(
                             "t.yaml",
                             "description: d\nversion: 0\ndata: "
                             "rows.jsonl\n" +
                                 prompt)
                         .string());
  }
  Task multiple_choice() {
    return load(
        "kind: multiple_choice\ncontext: c\nchoices: '{choices}'\ngold: 0\n"
        "metrics: [acc_bytes, acc, acc_norm]\n");
  }
  static DocumentScore score(
      const Task& task, const std::vector<double>& values) {
    std::vector<RequestScore> scores;
    scores.reserve(values.size());
    for (const double value : values) {
      scores.push_back({.log_likelihood_nats = value, .is_greedy = value > -2});
    }
    return score_document(task, task.documents[0], scores);
  }

 private:
  test::TemporaryFolder folder_;
};

TEST_F(TaskScoresTest, AccuracyTakesTheLikeliestChoice) {
  const Task task = multiple_choice();
  EXPECT_EQ(score(task, {-1, -2}).values.at("acc"), 1);
  EXPECT_EQ(score(task, {-2, -1}).values.at("acc"), 0);
}

TEST_F(TaskScoresTest, NormalisesByCharactersNotBytes) {
  const Task task = multiple_choice();
  // By character: -1 and -4/3; by byte: -1 and -4/9.
  EXPECT_EQ(score(task, {-4, -4}).values.at("acc_norm"), 1);
  EXPECT_EQ(score(task, {-4, -2.9}).values.at("acc_norm"), 0);
}

TEST_F(TaskScoresTest, NormalisesByBytesWhereAsked) {
  const Task task = multiple_choice();
  EXPECT_EQ(score(task, {-4, -8.9}).values.at("acc_bytes"), 0);
  EXPECT_EQ(score(task, {-4, -9.1}).values.at("acc_bytes"), 1);
}

TEST_F(TaskScoresTest, TheFirstOfEqualChoicesIsChosen) {
  const auto tied = score(multiple_choice(), {-1, -1});
  EXPECT_EQ(tied.chosen, 0);
  EXPECT_TRUE(tied.is_tie);
  EXPECT_FALSE(score(multiple_choice(), {-1, -2}).is_tie);
}

TEST_F(TaskScoresTest, NanIsBelowEverything) {
  EXPECT_EQ(score(multiple_choice(), {kNan, -9}).chosen, 1);
  EXPECT_EQ(score(multiple_choice(), {kNan, -kInf}).values.at("acc"), 1);
}

TEST_F(TaskScoresTest, RefusesAnotherNumberOfScoresThanRequests) {
  EXPECT_THROW(score(multiple_choice(), {-1}), ConfigError);
}

TEST_F(TaskScoresTest, PartialScoresTheEndAfterEachBeginning) {
  const Task task = load(
      "kind: partial\ncontexts: '{choices}'\ncontinuation: end\ngold: 1\n");
  EXPECT_EQ(task.documents[0].requests[0].context, "four");
  EXPECT_EQ(task.documents[0].requests[1].continuation, " end");
  EXPECT_EQ(score(task, {-2, -1}).values.at("acc"), 1);
}

TEST_F(TaskScoresTest, LoglikelihoodIsRightWhereItIsGreedy) {
  const Task task = load(
      "kind: loglikelihood\ncontext: c\ncontinuation: '{choices.0}'\n"
      "metrics: [acc, perplexity]\n");
  EXPECT_EQ(score(task, {-1}).values.at("acc"), 1);
  EXPECT_EQ(score(task, {-3}).values.at("acc"), 0);
  EXPECT_EQ(score(task, {-3}).chosen, -1);
  EXPECT_FALSE(task.chance.has_value());
}

TEST_F(TaskScoresTest, PerplexityIsThatOfTheMeanOverDocuments) {
  const Task task = load(
      "kind: loglikelihood\ncontext: c\ncontinuation: x\n"
      "metrics: [acc, perplexity]\n");
  const auto metrics =
      summarize_task(task, {score(task, {-1}), score(task, {-4})});
  EXPECT_DOUBLE_EQ(metrics[1].value, std::exp(2.5));
  // Sample standard deviation 3 / sqrt(2), over sqrt(2) documents.
  EXPECT_DOUBLE_EQ(metrics[1].std_error, std::exp(2.5) * 1.5);
}

TEST_F(TaskScoresTest, StandardErrorIsOfASample) {
  const Task task = multiple_choice();
  const auto right = score(task, {-1, -2});
  const auto wrong = score(task, {-2, -1});
  const auto metrics = summarize_task(task, {right, wrong, right, right});
  EXPECT_DOUBLE_EQ(metrics[1].value, 0.75);
  EXPECT_DOUBLE_EQ(metrics[1].std_error, std::sqrt(0.75 * 0.25 / 3));
}

TEST_F(TaskScoresTest, OneDocumentHasNoStandardError) {
  const Task task = multiple_choice();
  EXPECT_TRUE(
      std::isnan(summarize_task(task, {score(task, {-1, -2})})[0].std_error));
}

TEST_F(TaskScoresTest, MetricsStandInTheOrderOfTheFile) {
  const Task task = multiple_choice();
  std::vector<std::string> names;
  for (const auto& metric : summarize_task(task, {score(task, {-1, -2})})) {
    names.push_back(metric.name);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("acc_bytes", "acc", "acc_norm"));
}

TEST_F(TaskScoresTest, NothingScoredIsAnError) {
  EXPECT_THROW(summarize_task(multiple_choice(), {}), ConfigError);
}

} // namespace
} // namespace ma
