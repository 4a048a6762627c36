#include "libma/analysis/log_histogram.h"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/core/tensor.h"

namespace ma {
namespace {

/// exp(centre + spread z) for `count` normal z.
void add_mode(
    LogHistogram& histogram,
    double centre,
    double spread,
    std::int64_t count,
    std::uint64_t seed) {
  const auto z =
      at::randn({count}, at::detail::createCPUGenerator(seed), torch::kFloat64);
  for (std::int64_t i = 0; i < count; ++i) {
    histogram.add(centre * std::exp(spread * z[i].item<double>()));
  }
}

TEST(LogHistogramTest, CountsInBinsThatHoldTheirLowerEnd) {
  LogHistogram histogram;
  for (const double x : {1.0, 1.5, 2.0, 3.999, 8.0, 0.0}) {
    histogram.add(x);
  }
  const auto bins = histogram.bins(/*per_octave=*/1);
  ASSERT_EQ(bins.size(), 4U) << "[1, 2) to [8, 16), the empty one included";
  EXPECT_EQ(bins[0].from, 1);
  EXPECT_EQ(bins[0].to, 2);
  EXPECT_EQ(bins[0].count, 2);
  EXPECT_EQ(bins[1].count, 2);
  EXPECT_EQ(bins[2].count, 0);
  EXPECT_EQ(bins[3].count, 1);
  EXPECT_EQ(histogram.zeros(), 1);
  EXPECT_EQ(histogram.count(), 6);
}

TEST(LogHistogramTest, MergedBinsHaveTheSameNumbersBelowOneToo) {
  LogHistogram histogram;
  add_mode(histogram, 0.01, 2, 3000, 1);
  for (const std::int64_t per_octave : {1, 4, 8, 32}) {
    std::int64_t sum = 0;
    double end = 0;
    for (const LogBin& bin : histogram.bins(per_octave)) {
      EXPECT_TRUE(end == 0 || std::abs(bin.from / end - 1) < 1e-12);
      end = bin.to;
      sum += bin.count;
    }
    EXPECT_EQ(sum, 3000) << per_octave;
  }
  EXPECT_THROW(histogram.bins(5), ConfigError);
  EXPECT_THROW(histogram.bins(0), ConfigError);
}

TEST(LogHistogramTest, FindsTheValleyBetweenTwoModes) {
  LogHistogram histogram;
  add_mode(histogram, 40, 0.15, 50'000, 1);
  add_mode(histogram, 400, 0.1, 1200, 2);
  const auto valley = histogram.valley();
  ASSERT_TRUE(valley);
  EXPECT_NEAR(valley->low_mode, 40, 4);
  EXPECT_NEAR(valley->high_mode, 400, 40);
  EXPECT_EQ(valley->above, 1200);
  EXPECT_GT(valley->at, 80);
  EXPECT_LT(valley->at, 280);
}

TEST(LogHistogramTest, TheValleyIsTheMiddleOfAnEmptyGap) {
  LogHistogram histogram;
  for (int i = 0; i < 100; ++i) {
    histogram.add(1.0);
    histogram.add(std::exp2(6.0));
  }
  const auto valley = histogram.valley();
  ASSERT_TRUE(valley);
  // Between the end of the eighth of an octave at 1 and the start of that at
  // 64.
  EXPECT_NEAR(std::log2(valley->at), (0.125 + 6) / 2, 1.0 / 32);
  EXPECT_EQ(valley->above, 100);
}

TEST(LogHistogramTest, OneModeHasNoValley) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    LogHistogram histogram;
    add_mode(histogram, 40, 0.3, 5000, seed);
    EXPECT_FALSE(histogram.valley()) << seed;
  }
  EXPECT_FALSE(LogHistogram().valley());
}

TEST(LogHistogramTest, AFewStrayNumbersAreNoMode) {
  LogHistogram histogram;
  add_mode(histogram, 40, 0.1, 5000, 1);
  for (int i = 0; i < 10; ++i) {
    histogram.add(1000);
  }
  EXPECT_FALSE(histogram.valley());
}

} // namespace
} // namespace ma
