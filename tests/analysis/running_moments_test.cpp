#include "libma/analysis/running_moments.h"

#include <vector>

#include <gtest/gtest.h>

namespace ma {
namespace {

RunningMoments of(const std::vector<double>& numbers) {
  RunningMoments moments;
  for (const double x : numbers) {
    moments.add(x);
  }
  return moments;
}

// 1, 2, 3, 4, 15: m2 = 26, m3 = 180, m4 = 2,070.8 (per number), so
// g1 = 1.35772 and g2 = 0.06331.
TEST(RunningMomentsTest, HasTheSampleSkewnessAndKurtosis) {
  const auto moments = of({1, 2, 3, 4, 15});
  EXPECT_DOUBLE_EQ(moments.mean, 5);
  EXPECT_NEAR(moments.m2, 5 * 26, 1e-9);
  EXPECT_NEAR(moments.m3, 5 * 180, 1e-9);
  EXPECT_NEAR(moments.m4, 5 * 2070.8, 1e-9);
  const double g1 = 180 / std::pow(26.0, 1.5);
  const double g2 = 2070.8 / (26.0 * 26.0) - 3;
  EXPECT_NEAR(moments.skewness(), std::sqrt(20.0) / 3 * g1, 1e-12);
  EXPECT_NEAR(moments.excess_kurtosis(), 4.0 / 6 * (6 * g2 + 6), 1e-12);
}

TEST(RunningMomentsTest, KeepsItsDigitsFarFromZero) {
  const auto near = of({1, 2, 3, 4, 15});
  const auto far = of({1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4, 1e6 + 15});
  EXPECT_NEAR(far.skewness(), near.skewness(), 1e-8);
  EXPECT_NEAR(far.excess_kurtosis(), near.excess_kurtosis(), 1e-8);
}

TEST(RunningMomentsTest, BimodalityIsFiveNinthsOfAUniformDistribution) {
  RunningMoments moments;
  for (int i = 0; i < 100'000; ++i) {
    moments.add(i);
  }
  EXPECT_NEAR(moments.bimodality(), 5.0 / 9, 1e-4);
}

TEST(RunningMomentsTest, BimodalityIsOneOfTwoPointsHoweverUnequal) {
  RunningMoments moments;
  for (int i = 0; i < 100'000; ++i) {
    moments.add(i % 50 == 0 ? 10 : 1);
  }
  EXPECT_NEAR(moments.bimodality(), 1, 1e-3);
}

TEST(RunningMomentsTest, TooFewOrEqualNumbersHaveNoShape) {
  EXPECT_TRUE(std::isnan(of({1, 2, 3}).bimodality()));
  EXPECT_TRUE(std::isnan(of({2, 2, 2, 2, 2}).bimodality()));
}

} // namespace
} // namespace ma
