#include "libma/analysis/pattern_sums.h"

#include <cmath>
#include <limits>

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kPos = 150; // more than two turns of 64 queries
constexpr double kInfinity = std::numeric_limits<double>::infinity();

torch::Tensor causal(std::int64_t n_pos) {
  return at::ones({n_pos, n_pos}, torch::kBool).tril();
}

/// [2, 3, pos, pos] with -inf above the diagonal
torch::Tensor causal_scores(std::int64_t n_pos, torch::ScalarType dtype) {
  const auto scores = at::randn(
                          {2, 3, n_pos, n_pos},
                          at::detail::createCPUGenerator(7),
                          torch::kFloat64) *
                      4;
  return scores.masked_fill(causal(n_pos).logical_not(), -kInfinity).to(dtype);
}

TEST(PatternSumsTest, UniformRowsHaveTheEntropyOfTheirNumberOfKeys) {
  const auto uniform =
      causal(kPos).to(torch::kFloat32).view({1, 1, kPos, kPos});
  const auto pattern = uniform / uniform.sum(-1, true);
  const auto sums = sum_pattern(pattern, /*is_causal=*/true);
  const auto keys = at::arange(1, kPos + 1, torch::kFloat64);
  EXPECT_NEAR(
      sums.entropy.item<double>(), keys.log().mean().item<double>(), 1e-6);
  // Key k gets 1 / i of each query i >= k.
  const auto received = keys.reciprocal().flip(0).cumsum(0).flip(0);
  MA_EXPECT_CLOSE(sums.received.to(torch::kFloat32)[0][0], received);
}

TEST(PatternSumsTest, OneHotRowsHaveNoEntropy) {
  const auto identity = at::eye(kPos).view({1, 1, kPos, kPos});
  const auto own = sum_pattern(identity, true);
  EXPECT_EQ(own.entropy.item<double>(), 0);
  EXPECT_TRUE(own.received.equal(at::ones({1, 1, kPos}, torch::kFloat64)));
  auto sink = at::zeros({1, 1, kPos, kPos});
  sink.select(3, 0).fill_(1);
  const auto first = sum_pattern(sink, true);
  EXPECT_EQ(first.entropy.item<double>(), 0);
  EXPECT_EQ(first.received[0][0][0].item<double>(), kPos);
  EXPECT_EQ(first.received.sum().item<double>(), kPos);
}

TEST(PatternSumsTest, EveryDtypeSumsItsOwnNumbers) {
  for (const auto dtype :
       {torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kHalf}) {
    const auto pattern =
        at::softmax(causal_scores(kPos, torch::kFloat64), -1).to(dtype);
    const auto p = pattern.to(torch::kFloat64);
    const double noise = dtype == torch::kFloat64 ? 1e-12 : 2e-6;
    for (const bool is_causal : {true, false}) {
      const auto sums = sum_pattern(pattern, is_causal);
      EXPECT_LE(testing::difference(sums.received, p.sum(2)), noise) << dtype;
      const auto entropy = -at::xlogy(p, p).sum(-1).mean(-1);
      EXPECT_LE(testing::difference(sums.entropy, entropy), noise) << dtype;
    }
  }
}

TEST(PatternSumsTest, TheThreadsDoNotChangeABit) {
  const auto pattern = at::softmax(causal_scores(kPos, torch::kFloat32), -1);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = sum_pattern(pattern, true);
  at::set_num_threads(3);
  const auto three = sum_pattern(pattern, true);
  at::set_num_threads(threads);
  EXPECT_TRUE(testing::has_same_bits(one.received, three.received));
  EXPECT_TRUE(testing::has_same_bits(one.entropy, three.entropy));
}

TEST(PatternSumsTest, WhatIsNotANumberIsSeen) {
  auto pattern = at::eye(kPos).view({1, 1, kPos, kPos}).clone();
  pattern[0][0][40][3] = std::nan("");
  const auto sums = sum_pattern(pattern, true);
  EXPECT_TRUE(std::isnan(sums.received[0][0][3].item<double>()));
  EXPECT_TRUE(std::isnan(sums.entropy.item<double>()));
}

TEST(ScoreSumsTest, QueriesSeeTheKeysThatAreNotMasked) {
  for (const auto dtype :
       {torch::kFloat64, torch::kFloat32, torch::kBFloat16}) {
    auto scores = causal_scores(kPos, dtype);
    scores.slice(3, 0, 1).slice(2, 100).fill_(-kInfinity); // a window
    const auto sums = sum_scores(scores, true);
    const auto s = scores.to(torch::kFloat64);
    const auto is_seen = s > -kInfinity;
    EXPECT_TRUE(sums.count.equal(is_seen.sum(2).to(torch::kFloat64)));
    EXPECT_EQ(sums.count[1][2][0].item<double>(), 100);
    EXPECT_LE(
        testing::difference(
            sums.sum, s.masked_fill(is_seen.logical_not(), 0).sum(2)),
        2e-6)
        << dtype;
  }
}

TEST(PatternSumsTest, WhatIsNoPatternIsAnError) {
  EXPECT_THROW(sum_pattern(at::ones({2, 5, 5}), true), ShapeError);
  EXPECT_THROW(sum_pattern(at::ones({1, 2, 1, 5}), true), ShapeError);
  EXPECT_THROW(sum_pattern(at::ones({1, 2, 0, 0}), true), ShapeError);
  EXPECT_THROW(
      sum_scores(at::ones({1, 2, 5, 5}, torch::kInt64), true), ShapeError);
}

} // namespace
} // namespace ma
