#include "libma/eval/sampling.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace ma {
namespace {

constexpr int kDraws = 20000;

/// Share of each of `n` tokens among many draws.
std::vector<double> shares(
    const torch::Tensor& logits, const SamplingOptions& options) {
  RandomStream random(3, 0);
  std::vector<double> counts(static_cast<std::size_t>(logits.size(0)), 0);
  for (int i = 0; i < kDraws; ++i) {
    counts[static_cast<std::size_t>(draw_token(logits, options, random))] +=
        1.0 / kDraws;
  }
  return counts;
}

void expect_near(
    const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 0.015) << i;
    EXPECT_EQ(found[i] == 0, expected[i] == 0) << i;
  }
}

const std::vector<double> kShares = {0.1, 0.4, 0.2, 0.3};

torch::Tensor log_shares() {
  return at::tensor(kShares, torch::kFloat64).log() + 5;
}

TEST(SamplingTest, DrawsInProportionToTheSoftmax) {
  expect_near(shares(log_shares(), {.temperature = 1}), kShares);
}

TEST(SamplingTest, TemperatureDividesTheLogits) {
  const double total = 0.01 + 0.16 + 0.04 + 0.09;
  expect_near(
      shares(log_shares(), {.temperature = 0.5}),
      {0.01 / total, 0.16 / total, 0.04 / total, 0.09 / total});
}

TEST(SamplingTest, TopKKeepsTheMostLikely) {
  expect_near(
      shares(log_shares(), {.temperature = 1, .top_k = 2}),
      {0, 0.4 / 0.7, 0, 0.3 / 0.7});
}

TEST(SamplingTest, TopPKeepsTheTokenThatCompletesTheNucleus) {
  expect_near(
      shares(log_shares(), {.temperature = 1, .top_p = 0.45}),
      {0, 0.4 / 0.7, 0, 0.3 / 0.7});
  expect_near(
      shares(log_shares(), {.temperature = 1, .top_p = 0.3}), {0, 1, 0, 0});
}

TEST(SamplingTest, TokensOfProbabilityZeroAreNeverDrawn) {
  auto logits = log_shares();
  logits[0] = -INFINITY;
  logits[3] = -INFINITY;
  expect_near(shares(logits, {.temperature = 1}), {0, 0.4 / 0.6, 0.2 / 0.6, 0});
}

} // namespace
} // namespace ma
