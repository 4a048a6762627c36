#include "libma/analysis/register_means.h"

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

torch::Tensor stream(std::int64_t batch, std::int64_t pos, std::uint64_t seed) {
  return at::randn(
      {batch, pos, 6}, at::detail::createCPUGenerator(seed), torch::kFloat32);
}

TEST(RegisterMeansTest, AveragesEachRegisterOverImages) {
  RegisterMeansAccumulator accumulator(2, /*first=*/1, /*n_registers=*/3);
  const auto x = stream(4, 9, 1);
  const auto y = stream(1, 12, 2);
  for (const std::int64_t layer : {0, 1}) {
    accumulator.observe(layer, x + layer);
    accumulator.observe(layer, y + layer);
  }
  const auto found = accumulator.finish();
  EXPECT_EQ(found.n_images, 5);
  EXPECT_EQ(found.means.scalar_type(), torch::kFloat32);
  const auto expected =
      at::cat({x.slice(1, 1, 4), y.slice(1, 1, 4)}).mean(0); // [register, dim]
  MA_EXPECT_CLOSE(found.means[0], expected);
  MA_EXPECT_CLOSE(found.means[1], expected + 1);
}

TEST(RegisterMeansTest, SumsInDouble) {
  RegisterMeansAccumulator accumulator(1, 0, 1);
  auto x = at::full({1, 2, 1}, 0.1F);
  for (int i = 0; i < 20'000; ++i) {
    accumulator.observe(0, x);
  }
  EXPECT_FLOAT_EQ(accumulator.finish().means.item<float>(), 0.1F);
}

TEST(RegisterMeansTest, FindsTheLargestEntriesAndJudgesThem) {
  auto means = at::full({3, 2, 5}, 0.01);
  means[1][1][3] = -120;
  means[1][0][2] = 11;
  means[2][0][4] = 99; // 9,900 medians, but not above 100
  const auto found = summarize({means}, {}, /*top=*/2);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[1].top[0].register_index, 1);
  EXPECT_EQ(found[1].top[0].dim, 3);
  EXPECT_FLOAT_EQ(static_cast<float>(found[1].top[0].value), -120);
  EXPECT_EQ(found[1].top[1].dim, 2);
  EXPECT_FLOAT_EQ(static_cast<float>(found[1].median), 0.01F);
  EXPECT_NEAR(found[1].max_over_median, 12'000, 1e-2);
  EXPECT_FALSE(found[0].meets_criterion);
  EXPECT_TRUE(found[1].meets_criterion);
  EXPECT_FALSE(found[2].meets_criterion);
  EXPECT_TRUE(summarize({means}, {.magnitude = 98})[2].meets_criterion);
  EXPECT_FALSE(summarize({means}, {.ratio = 13'000})[1].meets_criterion);
}

TEST(RegisterMeansTest, TheTableHasARowForEachBlock) {
  auto means = at::full({2, 2, 5}, 0.01);
  means[1][1][3] = -120;
  const Table table = register_means_table({means}, {}, 1);
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(std::get<std::string>(table.at(1, "top 1 token")), "register:1");
  EXPECT_EQ(std::get<std::int64_t>(table.at(1, "top 1 dim")), 3);
  EXPECT_EQ(std::get<std::string>(table.at(1, "massive")), "yes");
  EXPECT_EQ(std::get<std::string>(table.at(0, "massive")), "no");
}

TEST(RegisterMeansTest, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RegisterMeansAccumulator(1, 1, 0), ConfigError);
  RegisterMeansAccumulator accumulator(2, 1, 4);
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(accumulator.observe(0, stream(1, 4, 1)), ShapeError);
  EXPECT_THROW(accumulator.observe(2, stream(1, 9, 1)), ShapeError);
  accumulator.observe(0, stream(1, 9, 1));
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(summarize({}), ShapeError);
  EXPECT_THROW(summarize({at::zeros({2, 3})}), ShapeError);
  EXPECT_THROW(summarize({at::zeros({2, 3, 4})}, {}, 0), ConfigError);
}

} // namespace
} // namespace ma
