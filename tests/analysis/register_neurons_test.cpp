#include "libma/analysis/register_neurons.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::HasSubstr;

/// A stream [1, pos, 2] whose tokens have these norms.
torch::Tensor with_norms(const std::vector<double>& norms) {
  auto x = at::tensor(norms, torch::kFloat64).unsqueeze(1);
  return (x * at::tensor({0.6, -0.8}, torch::kFloat64)).unsqueeze(0);
}

torch::Tensor marks(const std::vector<int>& marks) {
  return at::tensor(marks).to(torch::kBool).unsqueeze(0);
}

TEST(FindOutliersTest, ComparesPatchesWithTheMedianOfTheirImage) {
  // the prefix does not count; the lower median of 1 2 2 11 is 2
  const auto x = with_norms({500, 1, 2, 2, 11});
  const auto found = find_outliers(x, 1, {.ratio = 5});
  EXPECT_TRUE(at::equal(found.is_outlier, marks({0, 0, 0, 1})));
  EXPECT_NEAR(found.max_norm, 11, 1e-12);
  EXPECT_NEAR(found.max_ratio, 5.5, 1e-12);
  EXPECT_FALSE(find_outliers(x, 1, {.ratio = 6}).is_outlier.any().item<bool>());
}

TEST(FindOutliersTest, AThresholdStandsForTheRatio) {
  const auto x = with_norms({1, 2, 2, 11});
  const auto found = find_outliers(x, 0, {.threshold = 1.5, .ratio = 100});
  EXPECT_TRUE(at::equal(found.is_outlier, marks({0, 1, 1, 1})));
}

TEST(FindOutliersTest, EachImageHasItsOwnMedian) {
  const auto x = at::cat({with_norms({1, 1, 1, 6}), with_norms({6, 6, 6, 6})})
                     .to(torch::kBFloat16);
  const auto found = find_outliers(x, 0, {});
  EXPECT_TRUE(
      at::equal(
          found.is_outlier,
          at::cat({marks({0, 0, 0, 1}), marks({0, 0, 0, 0})})));
}

TEST(FindOutliersTest, WhatDoesNotFitIsAnError) {
  const auto x = with_norms({1, 2});
  EXPECT_THROW(find_outliers(x, 2, {}), ShapeError);
  EXPECT_THROW(find_outliers(x[0], 0, {}), ShapeError);
  EXPECT_THROW(find_outliers(x / 0, 0, {}), ConfigError);
  EXPECT_THROW(find_outliers(x, 0, {.ratio = -1}), ConfigError);
  EXPECT_THROW(find_outliers(x, 0, {.threshold = -1}), ConfigError);
  EXPECT_THROW(
      find_outliers(
          x, 0, {.threshold = std::numeric_limits<double>::quiet_NaN()}),
      ConfigError);
}

TEST(NeuronMeansTest, AveragesImagesNotPatches) {
  NeuronMeansAccumulator accumulator(1, /*n_prefix=*/1);
  // [pos, neuron]: the first token is no patch
  const auto x = at::tensor({9., 9., 1., -2., 3., 4., 5., 6.}).view({1, 4, 2});
  const auto y = at::tensor({9., 9., 7., 8., 1., -1., 1., -3.}).view({1, 4, 2});
  accumulator.observe(0, x, marks({1, 1, 0}));
  accumulator.observe(
      0, at::cat({y, x}), at::cat({marks({1, 0, 0}), marks({0, 0, 0})}));
  const auto means = accumulator.finish();
  EXPECT_EQ(means.n_images, 2);
  EXPECT_TRUE(
      at::equal(
          means.at_outliers,
          at::tensor({(2. + 7.) / 2, (3. + 8.) / 2}, torch::kFloat64)
              .view({1, 2})));
  EXPECT_TRUE(
      at::equal(
          means.elsewhere,
          at::tensor({(5. + 1.) / 2, (6. + 2.) / 2}, torch::kFloat64)
              .view({1, 2})));
}

TEST(NeuronMeansTest, ThereMayBeNoOtherPatches) {
  NeuronMeansAccumulator accumulator(1, 0);
  accumulator.observe(0, at::ones({1, 2, 3}), marks({1, 1}));
  const auto means = accumulator.finish();
  EXPECT_TRUE(at::equal(means.at_outliers, at::ones({1, 3}, torch::kFloat64)));
  EXPECT_TRUE(means.elsewhere.isnan().all().item<bool>());
}

TEST(NeuronMeansTest, AveragesInDouble) {
  NeuronMeansAccumulator accumulator(1, 0);
  for (int i = 0; i < 20'000; ++i) {
    accumulator.observe(0, at::full({1, 2, 1}, 0.1F), marks({1, 0}));
  }
  EXPECT_FLOAT_EQ(
      static_cast<float>(accumulator.finish().at_outliers.item<double>()),
      0.1F);
}

TEST(NeuronMeansTest, WithoutOutliersThereAreNoNeurons) {
  NeuronMeansAccumulator accumulator(2, 0);
  EXPECT_EQ(accumulator.finish().n_images, 0);
  for (const std::int64_t layer : {0, 1}) {
    accumulator.observe(layer, at::ones({1, 2, 3}), marks({0, 0}));
  }
  const auto means = accumulator.finish();
  EXPECT_EQ(means.n_images, 0);
  EXPECT_TRUE(top_neurons(means, 10).empty());
}

TEST(NeuronMeansTest, WhatDoesNotFitIsAnError) {
  NeuronMeansAccumulator accumulator(2, 1);
  EXPECT_THROW(
      accumulator.observe(0, at::ones({1, 2, 3}), marks({1, 0})), ShapeError);
  EXPECT_THROW(
      accumulator.observe(2, at::ones({1, 3, 3}), marks({1, 0})), ShapeError);
  accumulator.observe(0, at::ones({1, 3, 3}), marks({1, 0}));
  EXPECT_THROW(
      accumulator.observe(0, at::ones({1, 3, 4}), marks({1, 0})), ShapeError);
  EXPECT_THROW(accumulator.finish(), ShapeError);
}

TEST(TopNeuronsTest, LargestFirstTiesToTheLowerBlockAndNeuron) {
  const NeuronMeans means{
      .n_images = 1,
      .at_outliers =
          at::tensor({1., 7., 3., 7., 9., 0.}).view({2, 3}).to(torch::kFloat64),
      .elsewhere = at::full({2, 3}, 2., torch::kFloat64)};
  const auto found = top_neurons(means, 3);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].layer, 1);
  EXPECT_EQ(found[0].neuron, 1);
  EXPECT_EQ(found[0].ratio(), 4.5);
  EXPECT_EQ(found[1].layer, 0);
  EXPECT_EQ(found[1].neuron, 1);
  EXPECT_EQ(found[2].layer, 1);
  EXPECT_EQ(found[2].neuron, 0);
  EXPECT_THROW(top_neurons(means, 0), ConfigError);
  EXPECT_THROW(top_neurons(means, 7), ConfigError);
}

TEST(RegisterNeuronsTest, SaysHowManyOutliersThereAre) {
  const RegisterNeurons found{
      .options = {.detect_layer = 10},
      .n_images = 40,
      .n_patches = 10'240,
      .max_norm = 52.5,
      .max_ratio = 1.5};
  EXPECT_EQ(
      found.describe_outliers(),
      "patches with a norm above 5 x the median of its image's patches after "
      "block 10 (layer 11): 0 of 10,240, in 0 of 40 images; the largest norm "
      "is "
      "52.500, the largest ratio to the median 1.5000");
  RegisterNeurons other = found;
  other.options.outliers.threshold = 150;
  EXPECT_THAT(other.describe_outliers(), HasSubstr("a norm above 150 after"));
}

TEST(RegisterNeuronsTest, TheTableCountsLayersFromOneToo) {
  RegisterNeurons found;
  found.neurons = {
      {.layer = 4, .neuron = 17, .at_outliers = 6, .elsewhere = 0.5}};
  const Table table = register_neurons_table(found);
  ASSERT_EQ(table.rows().size(), 1U);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "block (0-based)")), 4);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "layer (1-based)")), 5);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "neuron")), 17);
  EXPECT_EQ(std::get<double>(table.at(0, "ratio")), 12);
}

} // namespace
} // namespace ma
