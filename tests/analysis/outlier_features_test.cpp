#include "libma/analysis/outlier_features.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kPos = 10, kDim = 70; // more than one thread's turn

/// Two blocks, two sequences: dim 3 reaches 6 at four tokens of each state, dim
/// 69 at one token of one state.
OutlierCounts planted(torch::ScalarType dtype) {
  OutlierCounter counter(2, {});
  const auto rows = real_tokens(nullptr, 2, kPos, "test");
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    auto x = at::full({2, kPos, kDim}, 5.5, dtype);
    x.slice(1, 0, 4).select(2, 3).fill_(layer == 0 ? -6.0 : 7.0);
    if (layer == 1) {
      x[1][9][69] = 6;
    }
    counter.observe(layer, x, rows);
  }
  return counter.finish();
}

TEST(OutlierFeaturesTest, CountsTokensAndSequencesByDim) {
  for (const auto dtype :
       {torch::kFloat32, torch::kFloat64, torch::kFloat16, torch::kBFloat16}) {
    const auto counts = planted(dtype);
    EXPECT_EQ(counts.n_sequences, 2);
    EXPECT_EQ(counts.n_positions, 2 * kPos);
    auto positions = at::zeros({2, kDim}, torch::kInt64);
    positions.select(1, 3).fill_(8);
    positions[1][69] = 1;
    EXPECT_TRUE(at::equal(counts.positions, positions));
    auto sequences = at::zeros({2, kDim}, torch::kInt64);
    sequences.select(1, 3).fill_(2);
    sequences[1][69] = 1;
    EXPECT_TRUE(at::equal(counts.sequences, sequences));
  }
}

TEST(OutlierFeaturesTest, NeedsBothShares) {
  const auto counts = planted(torch::kFloat32);
  const auto features = outlier_features(counts, {});
  EXPECT_DOUBLE_EQ(features[3].layer_share, 1);
  EXPECT_DOUBLE_EQ(features[3].position_share, 0.4);
  EXPECT_TRUE(features[3].meets_rule);
  EXPECT_DOUBLE_EQ(features[69].layer_share, 0.25); // of 2 x 2 states
  EXPECT_DOUBLE_EQ(features[69].position_share, 1.0 / 40);
  EXPECT_FALSE(features[69].meets_rule);
  EXPECT_FALSE(features[0].meets_rule);
  EXPECT_TRUE(
      outlier_features(counts, {.position_share = 0.025})[69].meets_rule);
  EXPECT_FALSE(outlier_features(
                   counts, {.layer_share = 0.26, .position_share = 0.025})[69]
                   .meets_rule);
}

TEST(OutlierFeaturesTest, ComparesWithTheMagnitudeAsGiven) {
  // 0.1f is above 0.1, its predecessor below.
  auto x = at::full({1, 1, 2}, 0.1F);
  x[0][0][1] = std::nextafter(0.1F, 0.0F);
  OutlierCounter counter(1, {.magnitude = 0.1});
  counter.observe(0, x, real_tokens(nullptr, 1, 1, "test"));
  EXPECT_TRUE(
      at::equal(
          counter.finish().positions,
          at::tensor({1, 0}, torch::kInt64).view({1, 2})));
}

TEST(OutlierFeaturesTest, LeavesOutPadding) {
  const TokenBatch batch(
      at::zeros({1, 3}, torch::kInt64),
      at::tensor({0, 1, 1}, torch::kInt64).to(torch::kBool).view({1, 3}));
  OutlierCounter counter(1, {});
  counter.observe(
      0, at::full({1, 3, 1}, 9.0), real_tokens(&batch, 1, 3, "test"));
  const auto counts = counter.finish();
  EXPECT_EQ(counts.positions.item<std::int64_t>(), 2);
  EXPECT_EQ(counts.n_positions, 2);
}

TEST(OutlierFeaturesTest, ThrowsOnARuleOrStreamsThatMakeNoSense) {
  EXPECT_THROW(OutlierCounter(1, {.magnitude = -1}), ConfigError);
  EXPECT_THROW(OutlierCounter(1, {.layer_share = -0.1}), ConfigError);
  EXPECT_THROW(OutlierCounter(1, {}).finish(), ShapeError);
}

} // namespace
} // namespace ma
