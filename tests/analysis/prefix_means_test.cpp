#include "libma/analysis/prefix_means.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

HookSite after(std::int64_t layer) {
  HookSite site;
  site.name = "blocks." + std::to_string(layer) + ".resid_post";
  site.layer = layer;
  return site;
}

/// [sequence, pos, d_model]
torch::Tensor streams() {
  return at::arange(5 * 3 * 2, torch::kFloat32).view({5, 3, 2});
}

/// [2, d_model]: the first position and all others of the first `n` sequences.
torch::Tensor expected_means(const torch::Tensor& x, std::int64_t n) {
  const auto first = x.slice(0, 0, n).to(torch::kFloat64);
  return at::stack(
      {first.select(1, 0).mean(0), first.slice(1, 1).mean({0, 1})});
}

TEST(PrefixMeansTest, AreTheMeansOfTheFirstSequences) {
  PrefixMeans means(2, {4, 1, 4});
  const auto x = streams();
  for (const std::int64_t layer : {0, 1}) {
    // A batch of 3 and one of 2: counts fall within both.
    means.observe(x.slice(0, 0, 3) * (layer + 1), after(layer));
    means.observe(x.slice(0, 3) * (layer + 1), after(layer));
  }
  const auto found = means.finish();
  ASSERT_EQ(found.size(), 2U);
  for (const std::int64_t n : {1, 4}) {
    const auto one = expected_means(x, n);
    EXPECT_TRUE(at::allclose(found.at(n), at::stack({one, 2 * one})));
  }
}

TEST(PrefixMeansTest, ThrowAfterTooFewSequences) {
  PrefixMeans means(1, {6});
  means.observe(streams(), after(0));
  EXPECT_THROW(means.finish(), ShapeError);
}

TEST(PrefixMeansTest, RejectNoCountsAndZero) {
  EXPECT_THROW(PrefixMeans(1, {}), ConfigError);
  EXPECT_THROW(PrefixMeans(1, {0, 3}), ConfigError);
}

TEST(PrefixMeansTest, RejectAStreamOfAnotherWidthOrBlock) {
  PrefixMeans means(1, {2});
  EXPECT_THROW(means.observe(streams(), after(1)), ShapeError);
  means.observe(streams().slice(0, 0, 1), after(0));
  EXPECT_THROW(means.observe(at::zeros({1, 3, 4}), after(0)), ShapeError);
}

} // namespace
} // namespace ma
