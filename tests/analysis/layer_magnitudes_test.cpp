#include "libma/analysis/layer_magnitudes.h"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/analysis/constancy.h"
#include "libma/analysis/magnitude_arrays.h"
#include "libma/analysis/magnitude_tables.h"
#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kLayers = 3, kRows = 4, kPos = 7, kDim = 40;

/// Streams [before block 0, after each block] with a massive activation at dim
/// 7 of the start after blocks 1 and 2.
std::vector<torch::Tensor> planted_streams() {
  const auto generator = at::detail::createCPUGenerator(3);
  std::vector<torch::Tensor> streams;
  for (std::int64_t i = 0; i <= kLayers; ++i) {
    streams.push_back(
        at::randn({kRows, kPos, kDim}, generator, torch::kFloat32) * 0.1);
  }
  for (std::int64_t row = 0; row < kRows; ++row) {
    const auto shift = static_cast<double>(row);
    streams[2][row][0][7] = -(900 + 10 * shift);
    streams[3][row][0][7] = -(1000 + 10 * shift);
  }
  return streams;
}

/// ids: 1 is ".", 0 a word; row r has its first "." at 2 + r, the last row
/// none.
TokenBatch planted_batch() {
  auto ids = at::zeros({kRows, kPos}, torch::kInt64);
  for (std::int64_t row = 0; row + 1 < kRows; ++row) {
    ids[row][2 + row] = 1;
  }
  return ids;
}

torch::Tensor table() {
  return at::tensor({static_cast<int>(TokenClass::kWord),
                     static_cast<int>(TokenClass::kStrongDelimiter)})
      .to(torch::kInt8);
}

Magnitudes measure(
    const std::vector<torch::Tensor>& streams,
    const TokenBatch& batch,
    const MagnitudeOptions& options = {}) {
  MagnitudeAccumulator accumulator(
      static_cast<std::int64_t>(streams.size()) - 1, options, table());
  for (std::size_t i = 0; i < streams.size(); ++i) {
    accumulator.observe(static_cast<std::int64_t>(i) - 1, streams[i], batch);
  }
  return accumulator.finish();
}

TEST(MagnitudeAccumulatorTest, HasTheLargestOfEachSequence) {
  const auto found = measure(planted_streams(), planted_batch());
  const StreamStats& stream = found.stream(2);
  EXPECT_EQ(stream.layer, 2);
  EXPECT_DOUBLE_EQ(stream.top[0].mean, 1015); // of 1000, 1010, 1020, 1030
  EXPECT_DOUBLE_EQ(stream.top[0].std(), std::sqrt(500.0 / 3));
  EXPECT_EQ(stream.massive_sequences, kRows);
  EXPECT_EQ(found.stream(0).massive_sequences, 0);
  EXPECT_EQ(found.profile.sites.front().dim, 7);
  EXPECT_EQ(found.peak_layer(), 2);
  for (const std::int64_t layer : {-1, 0, 1, 2}) {
    const auto x = planted_streams()[static_cast<std::size_t>(layer + 1)];
    double ratio = 0;
    for (std::int64_t row = 0; row < kRows; ++row) {
      const auto sizes = x[row].flatten().abs();
      ratio += std::get<0>(sizes.topk(3))[2].item<double>() /
               sizes.median().item<double>();
    }
    EXPECT_NEAR(
        found.stream(layer).top_over_median[2].mean, ratio / kRows, 1e-12);
  }
}

TEST(MagnitudeAccumulatorTest, AveragesValuesAtTheFirstTokenOfEachClass) {
  const auto streams = planted_streams();
  const auto found = measure(streams, planted_batch()).class_values;
  EXPECT_THAT(found.counts, ElementsAre(4, 3, 0, 0, 4));
  for (std::int64_t i = 0; i <= kLayers; ++i) {
    const auto x = streams[static_cast<std::size_t>(i)].to(torch::kFloat64);
    const auto start = x.select(1, 0); // [row, d_model]
    EXPECT_TRUE(at::allclose(found.means[i][0], start.mean(0)));
    EXPECT_TRUE(at::allclose(found.stds[i][0], start.std(0)));
    EXPECT_TRUE(at::allclose(found.magnitudes[i][0], start.abs().mean(0)));
    const auto dots = at::stack({x[0][2], x[1][3], x[2][4]});
    EXPECT_TRUE(at::allclose(found.means[i][1], dots.mean(0)));
    EXPECT_TRUE(found.means[i][2].isnan().all().item<bool>());
    EXPECT_TRUE(found.stds[i][2].isnan().all().item<bool>());
  }
}

TEST(ConstancyTest, TakesTheTwoLargestAndTheNearestToTheStatesRanks) {
  const auto found = measure(planted_streams(), planted_batch());
  const auto places = constancy(found, 2);
  ASSERT_EQ(places.size(), 15U); // start, first ".", first word
  EXPECT_EQ(places[0].activation, "top 1");
  EXPECT_EQ(places[0].dim, 7);
  EXPECT_DOUBLE_EQ(places[0].mean, -1015);
  EXPECT_DOUBLE_EQ(places[0].std, std::sqrt(500.0 / 3));
  EXPECT_DOUBLE_EQ(places[0].variation, std::sqrt(500.0 / 3) / 1015);
  EXPECT_EQ(places[0].count, kRows);
  const PlaceConstancy& median = places[4];
  EXPECT_EQ(median.activation, "median");
  EXPECT_EQ(median.wanted, found.stream(2).median.mean);
  const auto sizes = found.class_values.magnitudes[3][0];
  EXPECT_EQ(
      (sizes - median.wanted).abs().argmin().item<std::int64_t>(), median.dim);
  EXPECT_EQ(places[5].token_class, TokenClass::kStrongDelimiter);
  EXPECT_EQ(places[5].count, 3);
  EXPECT_EQ(places[10].token_class, TokenClass::kWord);
  EXPECT_THROW(constancy(found, 3), ConfigError);
}

TEST(MagnitudeAccumulatorTest, SaysWhichBlockWritesTheSite) {
  const auto curves =
      emergence_curves(measure(planted_streams(), planted_batch()));
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[1].name, "dim 7 at start");
  EXPECT_DOUBLE_EQ(curves[1].values[3], -1015);
  ASSERT_TRUE(curves[1].emergence);
  EXPECT_EQ(curves[1].emergence->kind, EmergenceKind::kRapid);
  EXPECT_THAT(curves[1].emergence->writers, ElementsAre(1));
}

TEST(MagnitudeAccumulatorTest, CountsWhatFloat16DoesNotHold) {
  auto streams = planted_streams();
  streams[1][0][3][5] = 65504;
  streams[1][1][3][5] = -65505;
  streams[1][1][4][5] = 1e9;
  streams[1][2][0][0] = std::nan("");
  const auto found = measure(streams, planted_batch());
  EXPECT_EQ(found.stream(0).float16_overflows, 3);
  EXPECT_EQ(found.stream(1).float16_overflows, 0);
}

TEST(MagnitudeAccumulatorTest, HasShapesOnlyWhereTheyAreAskedFor) {
  const auto plain = measure(planted_streams(), planted_batch());
  EXPECT_EQ(plain.stream(0).shape.kurtosis.count, 0);
  EXPECT_FALSE(magnitude_arrays(plain).contains("kurtosis"));
  const auto detailed =
      measure(planted_streams(), planted_batch(), {.detail = true});
  EXPECT_EQ(detailed.stream(-1).shape.kurtosis.count, kRows);
  const auto arrays = magnitude_arrays(detailed);
  EXPECT_EQ(arrays.at("kurtosis").numel(), kLayers + 1);
  // The site makes the others vanish in INT8 unless it is set apart.
  EXPECT_GT(detailed.stream(2).shape.int8_error_of_rest.mean, 0.99);
  EXPECT_LT(detailed.stream(2).shape.int8_error_apart.mean, 0.02);
}

TEST(MagnitudeAccumulatorTest, GivesTheSameInOneBatchAsRowByRow) {
  const auto streams = planted_streams();
  const auto batch = planted_batch();
  MagnitudeAccumulator accumulator(kLayers, {.detail = true}, table());
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t i = 0; i <= kLayers; ++i) {
      accumulator.observe(
          i - 1,
          streams[static_cast<std::size_t>(i)].slice(0, row, row + 1),
          batch.ids.slice(0, row, row + 1));
    }
  }
  const auto one_by_one = magnitude_arrays(accumulator.finish());
  const auto together =
      magnitude_arrays(measure(streams, batch, {.detail = true}));
  ASSERT_EQ(one_by_one.size(), together.size());
  for (const auto& [name, array] : together) {
    EXPECT_TRUE(
        at::allclose(array, one_by_one.at(name), /*rtol=*/0, /*atol=*/0, true))
        << name;
  }
}

TEST(MagnitudeAccumulatorTest, ThrowsWhenStreamsSawOtherSequences) {
  MagnitudeAccumulator accumulator(1, {}, table());
  const auto streams = planted_streams();
  accumulator.observe(0, streams[1], planted_batch());
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(
      accumulator.observe(-1, streams[0][0], planted_batch()), ShapeError);
  EXPECT_THROW(accumulator.observe(1, streams[0], planted_batch()), ShapeError);
}

TEST(MagnitudeTablesTest, HaveOneRowAStreamInBothBases) {
  const auto found = measure(
      planted_streams(),
      planted_batch(),
      {.outliers = {.position_share = 0.1}}); // dim 7 reaches 6 at 8 of 84
  const Table layers = stream_table(found, 2);
  EXPECT_EQ(layers.rows().size(), 4U);
  EXPECT_EQ(layers.at(0, "block (0-based)"), Cell(std::int64_t{-1}));
  EXPECT_EQ(layers.at(3, "layer (1-based)"), Cell(std::int64_t{3}));
  EXPECT_EQ(layers.at(3, "top 1"), Cell(1015.0));
  EXPECT_EQ(layers.at(3, "massive in sequences"), Cell(100.0));
  EXPECT_EQ(
      largest_table(found).at(3, "massive of the five"), Cell(std::int64_t{1}));
  EXPECT_THROW(stream_table(found, 6), ConfigError);
  const Table outliers = outlier_features_table(found);
  ASSERT_EQ(outliers.rows().size(), 1U); // massive, and no outlier feature
  EXPECT_EQ(outliers.at(0, "dim"), Cell(std::int64_t{7}));
  EXPECT_EQ(outliers.at(0, "outlier feature"), Cell("no"));
  EXPECT_EQ(emergence_table(found).at(1, "written by block"), Cell("1"));
}

} // namespace
} // namespace ma
