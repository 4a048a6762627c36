#include "libma/analysis/attention_sinks.h"

#include <cmath>
#include <limits>

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/analysis/attention_sink_tables.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kPos = 20;

/// All of a row on the first key, and all of it on the query itself: two heads.
torch::Tensor sink_and_identity(std::int64_t batch) {
  auto pattern = at::zeros({batch, 2, kPos, kPos});
  pattern.select(1, 0).select(2, 0).fill_(1);
  pattern.select(1, 1).copy_(at::eye(kPos).expand({batch, kPos, kPos}));
  return pattern;
}

KeyMarks marks(std::int64_t batch, const std::vector<std::int64_t>& massive) {
  KeyMarks made{
      .massive = at::zeros({batch, kPos}, torch::kBool),
      .classes = at::full(
          {batch, kPos}, static_cast<int>(TokenClass::kWord), torch::kInt8)};
  made.classes.select(1, 0).fill_(static_cast<int>(TokenClass::kStart));
  for (const auto key : massive) {
    made.massive.select(1, key).fill_(true);
  }
  return made;
}

AttentionSinks one_batch(
    const torch::Tensor& pattern,
    const KeyMarks& at_keys,
    const AttentionSinkOptions& options = {}) {
  AttentionSinkAccumulator accumulator({3}, options);
  accumulator.observe(3, pattern);
  accumulator.finish_batch(at_keys);
  return accumulator.finish();
}

TEST(AttentionSinksTest, ASinkDrawsEverythingAndTheDiagonalNothing) {
  const auto found = one_batch(sink_and_identity(2), marks(2, {0}));
  EXPECT_EQ(found.n_sequences, 2);
  EXPECT_EQ(found.n_massive, 2);
  const auto row = [](const torch::Tensor& of_heads) {
    return std::pair(
        of_heads[0][0].item<double>(), of_heads[0][1].item<double>());
  };
  EXPECT_EQ(row(found.first), std::pair(1.0, 1.0 / kPos));
  EXPECT_EQ(row(found.massive), std::pair(1.0, 1.0 / kPos));
  EXPECT_EQ(row(found.entropy), std::pair(0.0, 0.0));
  const auto share = [](const torch::Tensor& sinks, std::int64_t head) {
    return sinks[0][head][1].item<double>(); // eps 0.8
  };
  EXPECT_EQ(share(found.sink_first, 0), 1);
  EXPECT_EQ(share(found.sink_first, 1), 0);
  EXPECT_EQ(share(found.sink_any, 0), 1);
  EXPECT_EQ(share(found.sink_any, 1), 0); // the last keys do not count
}

TEST(AttentionSinksTest, TheLastKeysCountWhereTheyAreToldTo) {
  // The last query sees itself alone: alpha is 1 where one query is enough.
  const auto found = one_batch(
      sink_and_identity(1), marks(1, {0}), {.eps = {0.6}, .fewest_queries = 1});
  EXPECT_EQ(found.sink_any[0][1][0].item<double>(), 1);
  EXPECT_EQ(found.largest[0][1].item<double>(), 1);
  const auto two = one_batch(
      sink_and_identity(1), marks(1, {0}), {.eps = {0.6}, .fewest_queries = 2});
  EXPECT_EQ(two.sink_any[0][1][0].item<double>(), 0);
  EXPECT_EQ(two.largest[0][1].item<double>(), 0.5);
}

TEST(AttentionSinksTest, ASinkElsewhereIsNoSinkOfTheFirstToken) {
  auto pattern = at::zeros({1, 1, kPos, kPos});
  for (std::int64_t query = 0; query < kPos; ++query) {
    pattern[0][0][query][query < 2 ? query : 2] = 1.0;
  }
  const auto found = one_batch(pattern, marks(1, {2}));
  EXPECT_EQ(found.first[0][0].item<double>(), 1.0 / kPos);
  EXPECT_EQ(found.largest[0][0].item<double>(), 1); // of queries 2 to 19
  EXPECT_EQ(found.massive[0][0].item<double>(), (kPos - 2.0) / kPos);
  EXPECT_EQ(found.sink_first[0][0][0].item<double>(), 0);
  EXPECT_EQ(found.sink_any[0][0][0].item<double>(), 1);
}

TEST(AttentionSinksTest, WithoutCausalityAllQueriesCountForEveryKey) {
  auto pattern = at::zeros({1, 1, kPos, kPos});
  pattern.select(3, kPos - 1).fill_(1);
  const auto found =
      one_batch(pattern, marks(1, {}), {.eps = {0.9}, .is_causal = false});
  EXPECT_EQ(found.largest[0][0].item<double>(), 1);
  EXPECT_EQ(found.sink_any[0][0][0].item<double>(), 1);
  EXPECT_EQ(found.first[0][0].item<double>(), 0);
}

TEST(AttentionSinksTest, MassiveTokensAreEachSequencesOwn) {
  auto at_keys = marks(2, {});
  at_keys.massive[0][0] = true; // the sink; the other sequence has key 5
  at_keys.massive[1][5] = true;
  const auto found = one_batch(sink_and_identity(2), at_keys);
  EXPECT_EQ(found.massive[0][0].item<double>(), 0.5);
  EXPECT_EQ(found.massive[0][1].item<double>(), 1.0 / kPos);
}

TEST(AttentionSinksTest, BatchesAreWhatTheirSequencesAreOneByOne) {
  const auto pattern = at::softmax(
      at::randn(
          {5, 3, kPos, kPos},
          at::detail::createCPUGenerator(3),
          torch::kFloat32) *
          5,
      -1);
  const auto at_keys = marks(5, {0, 4});
  AttentionSinkAccumulator single({1}, {.eps = {0.1, 0.2}});
  AttentionSinkAccumulator together({1}, {.eps = {0.1, 0.2}});
  together.observe(1, pattern);
  together.finish_batch(at_keys);
  for (std::int64_t i = 0; i < 5; ++i) {
    single.observe(1, pattern.slice(0, i, i + 1));
    single.finish_batch(
        {at_keys.massive.slice(0, i, i + 1),
         at_keys.classes.slice(0, i, i + 1).contiguous()});
  }
  const auto a = single.finish();
  const auto b = together.finish();
  EXPECT_EQ(a.n_massive, 10);
  for (const auto part :
       {&AttentionSinks::first,
        &AttentionSinks::massive,
        &AttentionSinks::largest,
        &AttentionSinks::entropy,
        &AttentionSinks::sink_first,
        &AttentionSinks::sink_any}) {
    MA_EXPECT_CLOSE(a.*part, b.*part);
  }
  EXPECT_EQ(a.outliers[0].all, b.outliers[0].all);
}

TEST(AttentionSinksTest, OutliersReceiveATenthOfAllOnAverageOverHeads) {
  // Heads' mean: the first key gets (20 + 1) / 2 of 20, others 1 / 2.
  const auto found = one_batch(sink_and_identity(3), marks(3, {0}));
  EXPECT_EQ(found.outliers[0].all, 3);
  EXPECT_EQ(found.outliers[0].massive, 3);
  EXPECT_EQ(found.outliers[0].by_class.at(TokenClass::kStart), 3);
  EXPECT_EQ(found.outliers[0].by_class.size(), 1U);
  const auto all =
      one_batch(sink_and_identity(1), marks(1, {0}), {.outlier = 0.5 / kPos});
  EXPECT_EQ(all.outliers[0].all, kPos);
  EXPECT_EQ(all.outliers[0].massive, 1);
}

TEST(AttentionSinksTest, LogitsAreMeansOverTheKeysThatQueriesSee) {
  auto scores = at::full({1, 2, kPos, kPos}, -2.0);
  scores.select(3, 0).fill_(3.0);
  scores.masked_fill_(
      at::ones({kPos, kPos}, torch::kBool).tril().logical_not(),
      -std::numeric_limits<double>::infinity());
  AttentionSinkAccumulator accumulator({0});
  accumulator.observe_scores(0, scores);
  accumulator.observe(0, at::softmax(scores, -1));
  accumulator.finish_batch(marks(1, {0}));
  const auto found = accumulator.finish();
  EXPECT_EQ(found.massive_score[0][1].item<double>(), 3);
  EXPECT_EQ(found.other_score[0][1].item<double>(), -2);
}

TEST(AttentionSinksTest, TablesAverageHeadsAndCountConcentratedOnes) {
  const auto found = one_batch(sink_and_identity(2), marks(2, {0}));
  const Table blocks = sink_blocks_table(found);
  ASSERT_EQ(blocks.rows().size(), 1U);
  const auto number = [&](const char* column) {
    return std::get<double>(blocks.at(0, column));
  };
  EXPECT_EQ(std::get<std::int64_t>(blocks.at(0, "layer (1-based)")), 4);
  EXPECT_EQ(number("first token is a sink, eps 0.3"), 50);
  EXPECT_NEAR(number("on massive tokens"), 52.5, 1e-9);
  EXPECT_EQ(number("heads with over 50 % on massive tokens"), 50);
  EXPECT_EQ(number("attention outliers in a sequence"), 1);
  EXPECT_EQ(number("of them massive tokens"), 100);
  const Table heads = sink_heads_table(found);
  ASSERT_EQ(heads.rows().size(), 2U);
  EXPECT_EQ(std::get<double>(heads.at(0, "on the first token")), 100);
  EXPECT_EQ(std::get<double>(heads.at(1, "on the first token")), 5);
  const Table summary = sink_summary_table(found);
  EXPECT_EQ(std::get<double>(summary.at(1, "first token is a sink")), 50);
  EXPECT_EQ(attention_outliers_table(found).rows().size(), 1U);
}

TEST(AttentionSinksTest, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(AttentionSinkAccumulator({}), ConfigError);
  EXPECT_THROW(AttentionSinkAccumulator({0}, {.eps = {1.5}}), ConfigError);
  EXPECT_THROW(AttentionSinkAccumulator({0}, {.outlier = -1}), ConfigError);
  EXPECT_THROW(
      AttentionSinkAccumulator({0}, {.fewest_queries = 0}), ConfigError);
  AttentionSinkAccumulator accumulator({0, 1});
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(accumulator.observe(2, sink_and_identity(1)), ShapeError);
  accumulator.observe(0, sink_and_identity(1));
  EXPECT_THROW(accumulator.observe(0, sink_and_identity(1)), ShapeError);
  EXPECT_THROW(accumulator.finish_batch(marks(1, {})), ShapeError);
  accumulator.observe(1, sink_and_identity(1));
  EXPECT_THROW(accumulator.finish_batch(marks(2, {})), ShapeError);
  accumulator.finish_batch(marks(1, {}));
  EXPECT_EQ(accumulator.finish().n_sequences, 1);
  EXPECT_THROW(
      accumulator.observe(0, at::full({1, 2, kPos, kPos}, std::nan(""))),
      ConfigError);
}

} // namespace
} // namespace ma
