#include "libma/eval/image_features.h"

#include <cmath>

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

/// Two clusters of three, and one of the first among the second.
const auto kFeatures = [] {
  return at::tensor(
             {1.0, 0.0, 0.9, 0.1, 0.8, 0.1, 0.0, 1.0, 0.1, 0.9, 0.1, 0.8})
      .view({6, 2});
};
const auto kLabels = [] {
  return at::tensor({0, 0, 0, 1, 1, 1}, torch::kInt64);
};

TEST(ImageFeaturesTest, CosinesAreThoseOfTheRows) {
  const auto a = at::tensor({3.0, 4.0, 0.0, 2.0}).view({2, 2});
  const auto b = at::tensor({4.0, 3.0, 0.0, -1.0}).view({2, 2});
  const auto cosines = row_cosines(a, b);
  EXPECT_NEAR(cosines[0].item<double>(), 24.0 / 25, 1e-12);
  EXPECT_NEAR(cosines[1].item<double>(), -1, 1e-12);
}

TEST(ImageFeaturesTest, TheNearestRowIsNotTheRowItself) {
  const auto nearest = nearest_rows(kFeatures());
  EXPECT_TRUE(nearest.equal(at::tensor({1, 2, 1, 4, 5, 4}, torch::kInt64)));
  EXPECT_THROW(nearest_rows(kFeatures().narrow(0, 0, 1)), ShapeError);
}

TEST(ImageFeaturesTest, NeighboursVoteWithoutTheImageItself) {
  EXPECT_TRUE(knn_classes(kFeatures(), kLabels(), 2).equal(kLabels()));
  // Five neighbours are all others: two of the own class against three.
  EXPECT_TRUE(knn_classes(kFeatures(), kLabels(), 5).equal(1 - kLabels()));
}

TEST(ImageFeaturesTest, SimilarityDecidesATieOfVotes) {
  const auto features = at::tensor({1.0, 0.0, 1.0, 0.2, 0.0, 1.0}).view({3, 2});
  const auto labels = at::tensor({2, 0, 1}, torch::kInt64);
  const auto classes = knn_classes(features, labels, 2);
  EXPECT_EQ(classes[0].item<std::int64_t>(), 0);
  EXPECT_EQ(classes[2].item<std::int64_t>(), 0);
}

TEST(ImageFeaturesTest, ManyRowsAreAsFewAtATime) {
  at::manual_seed(0);
  const auto features = at::randn({2500, 4}, torch::kFloat64);
  const auto rows = features / features.norm(2, 1, true);
  auto similarities = at::matmul(rows, rows.t());
  similarities.diagonal().fill_(-2);
  EXPECT_TRUE(nearest_rows(features).equal(similarities.argmax(1)));
}

TEST(ImageFeaturesTest, AProbeFindsClassesThatALineParts) {
  at::manual_seed(0);
  const auto labels = at::arange(60).remainder(3);
  const auto features =
      at::eye(3).index_select(0, labels) + 0.05 * at::randn({60, 3});
  EXPECT_TRUE(probe_classes(features, features, labels).equal(labels));
  // What the probes learnt does not fit turned features.
  const auto turned = features.roll(1, 1);
  EXPECT_FALSE(
      probe_classes(features, turned, labels).eq(labels).any().item<bool>());
}

TEST(ImageFeaturesTest, ThrowsOnLabelsThatDoNotFit) {
  EXPECT_THROW(knn_classes(kFeatures(), kLabels() - 1, 2), ShapeError);
  EXPECT_THROW(knn_classes(kFeatures(), kLabels(), 6), ShapeError);
  EXPECT_THROW(
      probe_classes(kFeatures(), kFeatures(), kLabels(), {.folds = 7}),
      ShapeError);
}

TEST(ImageFeaturesTest, PercentagesHaveTheStandardErrorOfAShare) {
  const auto found = percentage(at::tensor({1, 1, 1, 0}).to(torch::kBool));
  EXPECT_DOUBLE_EQ(found.value, 75);
  EXPECT_NEAR(found.std_error, 100 * std::sqrt(0.75 * 0.25 / 3), 1e-12);
}

} // namespace
} // namespace ma
