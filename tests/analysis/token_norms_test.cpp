#include "libma/analysis/token_norms.h"

#include <cmath>

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/analysis/token_norm_tables.h"
#include "libma/core/error.h"

namespace ma {
namespace {

using at::indexing::Slice;

const std::vector<std::string> kKinds = {"cls", "register:0", "patch"};

torch::Tensor stream(std::int64_t batch, std::int64_t pos, std::uint64_t seed) {
  return at::randn(
      {batch, pos, 12}, at::detail::createCPUGenerator(seed), torch::kFloat32);
}

TEST(TokenNormsTest, HasTheStatisticsOfEachKindOfToken) {
  TokenNormAccumulator accumulator(1, kKinds);
  const auto x = stream(3, 8, 1);
  const auto y = stream(2, 8, 2);
  accumulator.observe(0, x);
  accumulator.observe(0, y);
  const auto found = accumulator.finish();
  EXPECT_EQ(found.n_images, 5);
  const auto norms =
      at::cat({x, y}).to(torch::kFloat64).square().sum(-1).sqrt();
  const std::vector<torch::Tensor> by_kind = {
      norms.index({Slice(), 0}),
      norms.index({Slice(), 1}),
      norms.index({Slice(), Slice(2)}).flatten()};
  for (std::size_t kind = 0; kind < by_kind.size(); ++kind) {
    const RunningStats& stats = found.layers[0].kinds[kind];
    const auto& expected = by_kind[kind];
    EXPECT_EQ(stats.count, expected.numel());
    EXPECT_NEAR(stats.mean, expected.mean().item<double>(), 1e-5);
    EXPECT_NEAR(stats.std(), expected.std().item<double>(), 1e-5);
    EXPECT_NEAR(stats.min, expected.min().item<double>(), 1e-5);
    EXPECT_NEAR(stats.max, expected.max().item<double>(), 1e-5);
  }
}

TEST(TokenNormsTest, CountsPatchesByBothRules) {
  // Norms of patches: 1 everywhere, but 6 and 200 in image 0, 4.9 in image 1;
  // prefix tokens are not counted.
  auto x = at::zeros({2, 9, 4});
  x.index_put_({Slice(), Slice(), 0}, 1);
  x.index_put_({Slice(), Slice(0, 2)}, 1e4);
  x[0][3][0] = 6;
  x[0][5][0] = -200;
  x[1][8][0] = 4.9;
  TokenNormAccumulator accumulator(1, kKinds, {.threshold = 150, .ratio = 5});
  accumulator.observe(0, x);
  const auto found = accumulator.finish();
  EXPECT_EQ(found.layers[0].above_threshold.patches, 1);
  EXPECT_EQ(found.layers[0].above_threshold.images, 1);
  EXPECT_EQ(found.layers[0].above_ratio.patches, 2);
  EXPECT_EQ(found.layers[0].above_ratio.images, 1);
  EXPECT_EQ(found.layers[0].histogram.count(), 14);
}

TEST(TokenNormsTest, TheRatioIsToTheLowerMedianOfTheImagesOwnPatches) {
  auto x = at::zeros({1, 6, 1}); // patches 1, 1, 4, 10: the lower median is 1
  for (const auto& [at, norm] :
       {std::pair(2, 1), std::pair(3, 1), std::pair(4, 4), std::pair(5, 10)}) {
    x[0][at][0] = norm;
  }
  TokenNormAccumulator accumulator(1, kKinds, {.ratio = 3});
  accumulator.observe(0, x);
  EXPECT_EQ(accumulator.finish().layers[0].above_ratio.patches, 2);
}

TEST(TokenNormsTest, BimodalityIsOfTheLogarithms) {
  TokenNormAccumulator accumulator(1, kKinds);
  const auto x = stream(4, 50, 3);
  accumulator.observe(0, x);
  const auto logs = x.to(torch::kFloat64)
                        .square()
                        .sum(-1)
                        .sqrt()
                        .log()
                        .index({Slice(), Slice(2)})
                        .flatten();
  const auto n = static_cast<double>(logs.numel());
  const auto d = logs - logs.mean();
  const double m2 = d.square().mean().item<double>();
  const double g1 = d.pow(3).mean().item<double>() / std::pow(m2, 1.5);
  const double g2 = d.pow(4).mean().item<double>() / (m2 * m2) - 3;
  const double skew = std::sqrt(n * (n - 1)) / (n - 2) * g1;
  const double kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6);
  EXPECT_NEAR(
      accumulator.finish().layers[0].log_moments.bimodality(),
      (skew * skew + 1) /
          (kurtosis + 3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3))),
      1e-6);
}

TEST(TokenNormsTest, HalfPrecisionNormsDoNotOverflow) {
  TokenNormAccumulator accumulator(1, kKinds);
  accumulator.observe(0, at::full({1, 4, 100}, 6e4, torch::kHalf));
  EXPECT_NEAR(accumulator.finish().layers[0].kinds[2].mean, 6e5, 500);
}

TEST(TokenNormsTest, ImagesOfSeveralSizesCountTogether) {
  TokenNormAccumulator accumulator(2, kKinds);
  for (const std::int64_t layer : {0, 1}) {
    accumulator.observe(layer, stream(2, 6, 1));
    accumulator.observe(layer, stream(1, 11, 2));
  }
  const auto found = accumulator.finish();
  EXPECT_EQ(found.n_images, 3);
  EXPECT_EQ(found.layers[1].kinds[2].count, 2 * 4 + 9);
  EXPECT_EQ(token_norms_table(found).rows().size(), 6U);
  const Table patches = patch_norms_table(found);
  EXPECT_EQ(patches.rows().size(), 2U);
  EXPECT_EQ(std::get<double>(patches.at(1, "above 150")), 0);
  EXPECT_EQ(std::get<double>(patches.at(1, "above 5 x median")), 0);
}

TEST(TokenNormsTest, HistogramsOfAllBlocksShareTheirBins) {
  TokenNormAccumulator accumulator(2, kKinds);
  accumulator.observe(0, stream(2, 30, 1));
  accumulator.observe(1, stream(2, 30, 2) * 100);
  const auto found = accumulator.finish();
  const auto [edges, patches] = norm_histograms(found, 4);
  ASSERT_EQ(patches.size(1) + 1, edges.size(0));
  for (const std::int64_t layer : {0, 1}) {
    EXPECT_EQ(patches[layer].sum().item<std::int64_t>(), 2 * 28);
    const auto& histogram =
        found.layers[static_cast<std::size_t>(layer)].histogram;
    for (const LogBin& bin : histogram.bins(4)) {
      const auto at = (edges - bin.from).abs().argmin().item<std::int64_t>();
      EXPECT_NEAR(edges[at].item<double>(), bin.from, 1e-9 * bin.from);
      EXPECT_EQ(patches[layer][at].item<std::int64_t>(), bin.count);
    }
  }
}

TEST(TokenNormsTest, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(TokenNormAccumulator(1, kKinds, {.ratio = -1}), ConfigError);
  EXPECT_THROW(
      TokenNormAccumulator(1, kKinds, {.threshold = std::nan("")}),
      ConfigError);
  TokenNormAccumulator accumulator(2, kKinds);
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(accumulator.observe(2, stream(1, 6, 1)), ShapeError);
  EXPECT_THROW(accumulator.observe(0, stream(1, 2, 1)), ShapeError);
  accumulator.observe(0, stream(1, 6, 1));
  EXPECT_THROW(accumulator.finish(), ShapeError) << "block 1 saw nothing";
  auto infinite = stream(1, 6, 1);
  infinite[0][3][3] = INFINITY;
  EXPECT_THROW(accumulator.observe(1, infinite), ConfigError);
}

} // namespace
} // namespace ma
