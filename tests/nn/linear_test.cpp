#include "libma/nn/linear.h"

#include "tests/tolerance.h"
#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace ma::nn {
namespace {

Linear make_linear(bool has_bias, torch::ScalarType dtype) {
  at::manual_seed(1);
  const auto bias = has_bias ? at::randn({7}, dtype) : torch::Tensor();
  return {at::randn({7, 33}, dtype), bias};
}

class LinearTest : public ::testing::TestWithParam<bool> {};

TEST_P(LinearTest, IsTheAffineMapInEveryDtype) {
  for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
    const auto linear = make_linear(GetParam(), dtype);
    const auto x = at::randn({2, 5, 33}, dtype);
    auto expected = at::matmul(
        x.to(torch::kFloat64), linear.weight.to(torch::kFloat64).t());
    if (GetParam()) {
      expected += linear.bias;
    }
    const auto y = linear(x);
    EXPECT_EQ(y.scalar_type(), dtype);
    MA_EXPECT_CLOSE(y, expected);
  }
}

TEST_P(LinearTest, TakesInputsThatAreNotContiguous) {
  const auto linear = make_linear(GetParam(), torch::kFloat32);
  const auto wide = at::randn({2, 5, 66});
  const auto x = wide.narrow(/*dim=*/2, 1, 33);
  MA_EXPECT_CLOSE(linear(x), linear(x.contiguous()));
}

TEST_P(LinearTest, HasNoRowsForNoRows) {
  const auto linear = make_linear(GetParam(), torch::kFloat32);
  EXPECT_EQ(linear(at::empty({0, 33})).sizes(), at::IntArrayRef({0, 7}));
}

TEST_P(LinearTest, ASliceGivesTheSameOutputs) {
  const auto linear = make_linear(GetParam(), torch::kFloat64);
  const auto x = at::randn({5, 33}, torch::kFloat64);
  const auto expected = linear(x).narrow(/*dim=*/1, 2, 3);
  EXPECT_TRUE(at::allclose(linear.slice(2, 3)(x), expected, 0, 1e-12));
}

TEST_P(LinearTest, UsesAtensOwnProductWhereOneDnnIsSwitchedOff) {
  if (product_library() != "onednn") {
    GTEST_SKIP() << "ATen's own product is used on this processor anyway";
  }
  const auto linear = make_linear(GetParam(), torch::kFloat32);
  const auto x = at::randn({64, 33});
  at::globalContext().setUserEnabledMkldnn(false);
  EXPECT_EQ(product_library(), "aten");
  const auto y = linear(x);
  const auto expected = at::linear(x, linear.weight, linear.bias);
  at::globalContext().setUserEnabledMkldnn(true);
  EXPECT_TRUE(at::equal(y, expected));
}

INSTANTIATE_TEST_SUITE_P(Bias, LinearTest, ::testing::Bool());

} // namespace
} // namespace ma::nn
