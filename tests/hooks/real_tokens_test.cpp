#include "libma/hooks/real_tokens.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

TokenBatch batch_with(
    const std::vector<std::int64_t>& mask, std::int64_t rows) {
  const auto pos = static_cast<std::int64_t>(mask.size()) / rows;
  return {
      at::zeros({rows, pos}, torch::kInt64),
      at::tensor(mask, torch::kInt64).view({rows, pos})};
}

TEST(RealTokensTest, AreAllWithoutAMask) {
  const auto rows = real_tokens(nullptr, 2, 5, "here");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].count, 5);
  EXPECT_EQ(rows[1].column(4), 4);
}

TEST(RealTokensTest, AreRunsOfTheMask) {
  const auto batch = batch_with({0, 1, 1, 0, 1, 1, 1, 1, 1, 0}, 2);
  const auto rows = real_tokens(&batch, 2, 5, "here");
  EXPECT_EQ(rows[0].runs.size(), 2U);
  EXPECT_EQ(rows[0].count, 3);
  EXPECT_EQ(rows[0].column(1), 2);
  EXPECT_EQ(rows[0].column(2), 4);
  EXPECT_EQ(rows[1].runs.size(), 1U);
  EXPECT_EQ(rows[1].count, 4);
}

TEST(RealTokensTest, ElementsAreFlatRanges) {
  const auto batch = batch_with({1, 1, 1, 1, 0, 1}, 2);
  const auto elements = real_tokens(&batch, 2, 3, "here")[1].elements(
      /*row=*/1, /*n_pos=*/3, /*width=*/10);
  ASSERT_EQ(elements.size(), 2U);
  EXPECT_EQ(elements[0].first, 30);
  EXPECT_EQ(elements[0].last, 40);
  EXPECT_EQ(elements[1].first, 50);
  EXPECT_EQ(elements[1].last, 60);
}

TEST(RealTokensTest, AMaskOfAnotherShapeThrows) {
  const auto batch = batch_with({1, 1, 0, 1, 1, 1}, 2);
  EXPECT_THROW(real_tokens(&batch, 3, 3, "here"), ShapeError);
  EXPECT_THROW(real_tokens(&batch, 2, 4, "here"), ShapeError);
}

TEST(RealTokensTest, ARowOfPaddingThrows) {
  TokenBatch batch;
  batch.mask = at::zeros({1, 3}, torch::kBool);
  EXPECT_THROW(real_tokens(&batch, 1, 3, "here"), ShapeError);
}

} // namespace
} // namespace ma
