// Rotations and the frequencies of each scaling rule, by hand.
#include "libma/nn/rope.h"

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma::nn {
namespace {

using ::testing::HasSubstr;

/// Frequencies 1 and 1/4, so that angles are exact in float32.
RopeConfig exact() {
  RopeConfig config;
  config.theta = 16.0;
  config.d_rotary = 4;
  return config;
}

RopeTable table(const RopeConfig& config, std::int64_t n_positions) {
  return make_rope_table(
      config, at::arange(n_positions, torch::kInt64), torch::kFloat32);
}

/// What a row of `n_positions` turns each pair by per token, in radians.
std::vector<double> frequencies(
    const RopeConfig& config, std::int64_t n_positions) {
  const auto t = table(config, n_positions);
  const auto angle = at::atan2(t.sin[1][0], t.cos[1][0]).to(torch::kFloat64);
  return {angle.data_ptr<double>(), angle.data_ptr<double>() + angle.numel()};
}

/// What the rule multiplies cos and sin with.
double amplitude(const RopeConfig& config, std::int64_t n_positions = 2) {
  return table(config, n_positions).cos[0][0][0].item<double>();
}

void expect_ratio(double value, double expected) {
  EXPECT_NEAR(value / expected, 1.0, 1e-5) << value << " is not " << expected;
}

TEST(RopeTest, PositionZeroIsTheIdentity) {
  at::manual_seed(1);
  const auto x = at::randn({2, 3, 2, 4});
  const auto y = apply_rope(x, table(exact(), 3));
  EXPECT_TRUE(y.select(1, 0).equal(x.select(1, 0)));
  EXPECT_FALSE(y.select(1, 1).equal(x.select(1, 1)));
}

TEST(RopeTest, TurnsThePairOfIAndIPlusHalfCounterclockwise) {
  const auto x = at::tensor({1.0F, 0.0F, 0.0F, 2.0F}).expand({1, 3, 1, 4});
  const auto y = apply_rope(x, table(exact(), 3));
  const auto expected = at::tensor(
      {static_cast<float>(std::cos(2.0)),
       static_cast<float>(-2 * std::sin(0.5)),
       static_cast<float>(std::sin(2.0)),
       static_cast<float>(2 * std::cos(0.5))});
  MA_EXPECT_CLOSE(y[0][2][0], expected);
}

TEST(RopeTest, PreservesTheNormOfEveryPair) {
  at::manual_seed(2);
  const auto x = at::randn({2, 9, 3, 4});
  const auto y = apply_rope(x, table(exact(), 9));
  const auto norms = [](const torch::Tensor& a) {
    return at::hypot(a.narrow(-1, 0, 2), a.narrow(-1, 2, 2));
  };
  MA_EXPECT_CLOSE(norms(y), norms(x));
}

TEST(RopeTest, ScoresDependOnTheDistanceOnly) {
  at::manual_seed(3);
  constexpr std::int64_t kPos = 12;
  const auto t = table(exact(), kPos);
  const auto everywhere = [&](const torch::Tensor& x) { // [pos, d_head]
    return apply_rope(x.expand({1, kPos, 1, 4}), t).view({kPos, 4});
  };
  const auto scores =
      at::matmul(everywhere(at::randn({4})), everywhere(at::randn({4})).t());
  const auto later = scores.narrow(0, 1, kPos - 1).narrow(1, 1, kPos - 1);
  const auto earlier = scores.narrow(0, 0, kPos - 1).narrow(1, 0, kPos - 1);
  MA_EXPECT_CLOSE(later, earlier);
  EXPECT_GT(ma::testing::difference(scores[0], scores[1]), 0.01);
}

TEST(RopeTest, PartialRotaryLeavesTheRest) {
  at::manual_seed(4);
  const auto x = at::randn({1, 3, 2, 7});
  const auto t = table(exact(), 3);
  const auto y = apply_rope(x, t);
  EXPECT_TRUE(y.narrow(-1, 4, 3).equal(x.narrow(-1, 4, 3)));
  MA_EXPECT_CLOSE(y.narrow(-1, 0, 4), apply_rope(x.narrow(-1, 0, 4), t));
}

TEST(RopeTest, LeavesTheInputAlone) {
  at::manual_seed(5);
  const auto x = at::randn({1, 3, 2, 4});
  const auto before = x.clone();
  apply_rope(x, table(exact(), 3));
  EXPECT_TRUE(x.equal(before));
}

TEST(RopeTest, RowsOfPositionsGiveRowsOfTheTable) {
  const auto positions = at::tensor({0, 0, 1, 0, 1, 2}, torch::kInt64);
  const auto rows =
      make_rope_table(exact(), positions.view({2, 3}), torch::kFloat32);
  const auto t = table(exact(), 3);
  MA_EXPECT_CLOSE(
      rows.sin, t.sin.index_select(0, positions).view({2, 3, 1, 2}));
  MA_EXPECT_CLOSE(
      rows.cos, t.cos.index_select(0, positions).view({2, 3, 1, 2}));
}

TEST(RopeScalingTest, UnscaledIsThetaToTheMinusTwoIOverD) {
  RopeConfig config;
  config.theta = 10000;
  config.d_rotary = 4;
  expect_ratio(frequencies(config, 2)[0], 1);
  expect_ratio(frequencies(config, 2)[1], 0.01);
  expect_ratio(amplitude(config), 1);
}

TEST(RopeScalingTest, LinearDividesEveryFrequency) {
  RopeConfig config;
  config.theta = 10000;
  config.d_rotary = 4;
  config.scaling = RopeScaling::kLinear;
  config.factor = 4;
  expect_ratio(frequencies(config, 2)[0], 0.25);
  expect_ratio(frequencies(config, 2)[1], 0.0025);
}

/// At 16 tokens theta grows by (2 * 16 / 8 - 1)^(4 / 2) = 9.
RopeConfig dynamic() {
  RopeConfig config;
  config.theta = 10000;
  config.d_rotary = 4;
  config.scaling = RopeScaling::kDynamic;
  config.factor = 2;
  config.max_positions = 8;
  return config;
}

TEST(RopeScalingTest, DynamicGrowsThetaPastTheContextOnly) {
  expect_ratio(frequencies(dynamic(), 4)[1], 0.01);
  expect_ratio(frequencies(dynamic(), 8)[1], 0.01);
  expect_ratio(frequencies(dynamic(), 16)[1], 0.01 / 3);
  expect_ratio(frequencies(dynamic(), 16)[0], 1);
}

TEST(RopeScalingTest, DynamicTakesTheLengthOfEachRow) {
  const auto all = at::arange(16, torch::kInt64);
  const auto rows = make_rope_table(
      dynamic(), at::stack({all.clamp_max(7), all}), torch::kFloat32);
  MA_EXPECT_CLOSE(rows.sin[0].narrow(0, 0, 8), table(dynamic(), 8).sin);
  MA_EXPECT_CLOSE(rows.sin[1], table(dynamic(), 16).sin);
}

// Wavelengths of 2 pi * {1, 1e3, 1e6} tokens: below 8192 / 4, between, and
// above 8192 / 1.
TEST(RopeScalingTest, Llama3KeepsFastBlendsMiddleAndDividesSlow) {
  RopeConfig config;
  config.theta = 1e9;
  config.d_rotary = 6;
  config.scaling = RopeScaling::kLlama3;
  config.factor = 8;
  config.original_max_positions = 8192;
  config.low_freq_factor = 1;
  config.high_freq_factor = 4;
  const double turns = 8192 / (2 * std::numbers::pi * 1e3);
  const double smooth = (turns - 1) / (4 - 1);
  const auto result = frequencies(config, 2);
  expect_ratio(result[0], 1);
  expect_ratio(result[1], 1e-3 * ((1 - smooth) / 8 + smooth));
  expect_ratio(result[2], 1e-6 / 8);
}

/// 32 turns fit at dim 4.03, one turn at dim 10.05.
RopeConfig yarn() {
  RopeConfig config;
  config.theta = 10000;
  config.d_rotary = 32;
  config.scaling = RopeScaling::kYarn;
  config.factor = 4;
  config.original_max_positions = 2048;
  return config;
}

TEST(RopeScalingTest, YarnRampsBetweenWholeDims) {
  const auto result = frequencies(yarn(), 2);
  const auto plain = [](int i) { return std::pow(10000.0, -i / 16.0); };
  expect_ratio(result[4], plain(4));
  expect_ratio(result[5], plain(5) * (6.0 / 7 + 1.0 / 7 / 4)); // from 4 to 11
  expect_ratio(result[10], plain(10) * (1.0 / 7 + 6.0 / 7 / 4));
  expect_ratio(result[11], plain(11) / 4);
  expect_ratio(result[15], plain(15) / 4);
}

TEST(RopeScalingTest, YarnWithoutTruncationRampsBetweenTheExactDims) {
  auto config = yarn();
  config.truncate = false;
  const auto dim = [](double turns) {
    return 16 * std::log(2048 / (turns * 2 * std::numbers::pi)) /
           std::log(10000.0);
  };
  const double ramp = (5 - dim(32)) / (dim(1) - dim(32));
  const double plain = std::pow(10000.0, -5 / 16.0);
  expect_ratio(frequencies(config, 2)[5], plain * (1 - ramp + ramp / 4));
}

TEST(RopeScalingTest, YarnScalesCosAndSin) {
  auto config = yarn();
  expect_ratio(amplitude(config), 0.1 * std::log(4.0) + 1);
  config.mscale = 0.5;
  config.mscale_all_dim = 1;
  expect_ratio(
      amplitude(config),
      (0.05 * std::log(4.0) + 1) / (0.1 * std::log(4.0) + 1));
  config.attention_factor = 1.5;
  expect_ratio(amplitude(config), 1.5);
}

RopeConfig longrope() {
  RopeConfig config;
  config.theta = 10000;
  config.d_rotary = 4;
  config.scaling = RopeScaling::kLongRope;
  config.factor = 4;
  config.original_max_positions = 8;
  config.short_factor = {1, 2};
  config.long_factor = {4, 5};
  return config;
}

TEST(RopeScalingTest, LongRopeTakesTheLongFactorsPastTheOriginalContext) {
  expect_ratio(frequencies(longrope(), 8)[0], 1);
  expect_ratio(frequencies(longrope(), 8)[1], 0.01 / 2);
  expect_ratio(frequencies(longrope(), 9)[0], 1.0 / 4);
  expect_ratio(frequencies(longrope(), 9)[1], 0.01 / 5);
}

TEST(RopeScalingTest, SaysWhereTheAnglesOfAPositionChangeWithTheLength) {
  EXPECT_FALSE(changes_frequencies(longrope(), 3, 8));
  EXPECT_TRUE(changes_frequencies(longrope(), 8, 9));
  EXPECT_FALSE(changes_frequencies(longrope(), 9, 99));
  RopeConfig dynamic = longrope();
  dynamic.scaling = RopeScaling::kDynamic;
  dynamic.max_positions = 16;
  EXPECT_FALSE(changes_frequencies(dynamic, 3, 16));
  EXPECT_TRUE(changes_frequencies(dynamic, 3, 17));
  EXPECT_TRUE(changes_frequencies(dynamic, 20, 21));
  dynamic.scaling = RopeScaling::kYarn;
  EXPECT_FALSE(changes_frequencies(dynamic, 3, 99));
}

TEST(RopeScalingTest, LongRopeScalesCosAndSin) {
  auto config = longrope();
  expect_ratio(amplitude(config), std::sqrt(1 + std::log(4.0) / std::log(8.0)));
  config.attention_factor = 1.25;
  expect_ratio(amplitude(config), 1.25);
}

TEST(RopeScalingTest, AWrongNumberOfLongRopeFactorsThrows) {
  auto config = longrope();
  config.long_factor = {4, 5, 6};
  EXPECT_NO_THROW(table(config, 8));
  try {
    table(config, 9);
    FAIL() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_THAT(
        error.what(), HasSubstr("long_factor has 3 entries; expected 2"));
  }
}

} // namespace
} // namespace ma::nn
