#include "libma/nn/patches.h"

#include "tests/tolerance.h"
#include <gtest/gtest.h>

namespace ma::nn {
namespace {

using ma::testing::difference;

TEST(PatchesTest, ALinearMapOfPatchesIsAConvolution) {
  at::manual_seed(0);
  const auto pixels = at::randn({2, 3, 14, 17}, torch::kFloat64);
  const auto kernel = at::randn({5, 3, 4, 3}, torch::kFloat64);
  const auto patches = to_patches(
      pixels, {.rows = 3, .columns = 5}, /*patch_height=*/4, /*patch_width=*/3);
  const std::int64_t stride[] = {4, 3};
  const auto expected = at::conv2d(pixels, kernel, {}, stride)
                            .flatten(/*start_dim=*/2)
                            .transpose(1, 2);
  EXPECT_LT(
      difference(at::linear(patches, kernel.flatten(1)), expected), 1e-12);
}

TEST(PatchesTest, ATableOfTheSameGridIsLeftAlone) {
  const auto table = at::randn({6, 4});
  const PatchGrid grid{.rows = 2, .columns = 3};
  EXPECT_TRUE(resize_positions(table, grid, grid, {}).is_same(table));
}

TEST(PatchesTest, AConstantTableStaysConstant) {
  const auto table = at::ones({12, 1}) * at::arange(3);
  for (const bool antialias : {false, true}) {
    const auto resized = resize_positions(
        table,
        {.rows = 3, .columns = 4},
        {.rows = 5, .columns = 2},
        {.antialias = antialias});
    EXPECT_LT(difference(resized, table.narrow(0, 0, 10)), 1e-5);
  }
}

TEST(PatchesTest, HalfPrecisionIsResizedInFloat32WhereAskedFor) {
  at::manual_seed(0);
  const auto table = at::randn({16, 8});
  const PatchGrid from{.rows = 4, .columns = 4};
  const PatchGrid to{.rows = 3, .columns = 5};
  const auto half = table.to(torch::kBFloat16);
  const auto exact = resize_positions(half.to(torch::kFloat32), from, to, {});
  const auto resized = resize_positions(half, from, to, {.in_float32 = true});
  EXPECT_TRUE(resized.equal(exact.to(torch::kBFloat16)));
}

} // namespace
} // namespace ma::nn
