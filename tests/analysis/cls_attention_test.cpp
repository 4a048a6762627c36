#include "libma/analysis/cls_attention.h"

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using at::indexing::Slice;

const std::vector<std::string> kKinds = {
    "cls", "register:0", "register:1", "patch"};

/// [batch, 3 heads, pos, pos]
torch::Tensor pattern(
    std::int64_t batch, std::int64_t pos, std::uint64_t seed) {
  return at::softmax(
      at::randn(
          {batch, 3, pos, pos},
          at::detail::createCPUGenerator(seed),
          torch::kFloat32),
      -1);
}

TEST(ClsAttentionTest, IsTheMeanOverImagesOfTheClassTokensRow) {
  ClsAttentionAccumulator accumulator({4, 1, 4}, kKinds);
  EXPECT_EQ(accumulator.layers(), (std::vector<std::int64_t>{1, 4}));
  const auto x = pattern(3, 8, 1);
  const auto y = pattern(2, 13, 2); // larger images
  const auto z = pattern(5, 8, 3);
  accumulator.observe(4, x);
  accumulator.observe(4, y);
  accumulator.observe(1, z);
  const auto found = accumulator.finish();
  EXPECT_EQ(found.n_images, 5);
  EXPECT_EQ(found.shares.scalar_type(), torch::kFloat64);
  const auto of = [](const torch::Tensor& p, std::int64_t from) {
    return p.to(torch::kFloat64).index({Slice(), Slice(), 0, Slice(from)});
  };
  const auto in_4 =
      (of(x, 0).slice(2, 0, 3).sum(0) + of(y, 0).slice(2, 0, 3).sum(0)) / 5;
  MA_EXPECT_CLOSE(found.shares[1].slice(1, 0, 3), in_4);
  const auto patches = at::cat({of(x, 3).sum(-1), of(y, 3).sum(-1)}).mean(0);
  MA_EXPECT_CLOSE(found.shares[1].select(1, 3), patches);
  const auto one = at::cat({of(x, 3).mean(-1), of(y, 3).mean(-1)}).mean(0);
  MA_EXPECT_CLOSE(found.per_patch[1], one);
  EXPECT_NEAR(found.shares.sum(-1).min().item<double>(), 1, 1e-6);
}

TEST(ClsAttentionTest, TheTableAddsRegistersAndAveragesHeads) {
  ClsAttentionAccumulator accumulator({2}, kKinds);
  // Head h gives h + 1 of 16 to each register, the rest to 5 patches.
  auto x = at::zeros({2, 3, 8, 8});
  for (std::int64_t head = 0; head < 3; ++head) {
    const double share = static_cast<double>(head + 1) / 16;
    x.index_put_({Slice(), head, 0, Slice(1, 3)}, share);
    x.index_put_({Slice(), head, 0, Slice(3)}, (1 - 2 * share) / 5);
  }
  accumulator.observe(2, x);
  const auto found = accumulator.finish();
  const Table mean = cls_attention_table(found);
  ASSERT_EQ(mean.rows().size(), 1U);
  EXPECT_EQ(std::get<std::int64_t>(mean.at(0, "block (0-based)")), 2);
  EXPECT_NEAR(std::get<double>(mean.at(0, "register:1")), 12.5, 1e-5);
  EXPECT_NEAR(std::get<double>(mean.at(0, "all registers")), 25, 1e-5);
  EXPECT_NEAR(std::get<double>(mean.at(0, "all patches")), 75, 1e-5);
  EXPECT_NEAR(std::get<double>(mean.at(0, "one patch")), 15, 1e-5);
  const Table heads = cls_attention_table(found, /*by_head=*/true);
  ASSERT_EQ(heads.rows().size(), 3U);
  EXPECT_NEAR(std::get<double>(heads.at(2, "register:0")), 18.75, 1e-5);
}

TEST(ClsAttentionTest, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(ClsAttentionAccumulator({0}, {"patch"}), ConfigError);
  EXPECT_THROW(ClsAttentionAccumulator({}, kKinds), ConfigError);
  ClsAttentionAccumulator accumulator({0, 1}, kKinds);
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(accumulator.observe(2, pattern(1, 8, 1)), ShapeError);
  EXPECT_THROW(accumulator.observe(0, pattern(1, 3, 1)), ShapeError);
  accumulator.observe(0, pattern(1, 8, 1));
  EXPECT_THROW(accumulator.finish(), ShapeError);
}

} // namespace
} // namespace ma
