// Plain and gated MLPs against their formulas.
#include "libma/nn/mlp.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tests/tolerance.h"
#include <gtest/gtest.h>

#include "libma/nn/activation.h"

namespace ma::nn {
namespace {

constexpr std::int64_t kModel = 6;
constexpr std::int64_t kMlp = 10;

torch::Tensor silu_formula(const torch::Tensor& x) {
  return x / (1 + at::exp(-x));
}

class MlpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    at::manual_seed(5);
    x_ = random({2, 3, kModel});
    gate_ = {random({kMlp, kModel}), random({kMlp})};
    up_ = {random({kMlp, kModel}), random({kMlp})};
    down_ = {random({kModel, kMlp}), random({kModel})};
  }

  static torch::Tensor random(at::IntArrayRef shape) {
    return at::randn(shape, torch::kFloat64);
  }

  static torch::Tensor affine(const Linear& map, const torch::Tensor& x) {
    return at::matmul(x, map.weight.t()) + map.bias;
  }

  Mlp plain() {
    return {/*is_gated=*/false,
            find_activation("silu", "test"),
            up_,
            down_,
            *hooks_,
            "blocks.0.mlp"};
  }

  Mlp gated() {
    const Linear both = {
        at::cat({gate_.weight, up_.weight}), at::cat({gate_.bias, up_.bias})};
    return {/*is_gated=*/true,
            find_activation("silu", "test"),
            both,
            down_,
            *hooks_,
            "blocks.0.mlp"};
  }

  std::shared_ptr<HookTable> hooks_ = std::make_shared<HookTable>();
  torch::Tensor x_; // [batch, pos, d_model]
  Linear gate_, up_, down_;
};

TEST_F(MlpTest, PlainIsDownOfTheActivation) {
  const auto y = plain()(x_);
  MA_EXPECT_CLOSE(y, affine(down_, silu_formula(affine(up_, x_))));
}

TEST_F(MlpTest, GatedMultipliesTheActivatedFirstHalfWithTheSecond) {
  const auto y = gated()(x_);
  MA_EXPECT_CLOSE(
      y, affine(down_, silu_formula(affine(gate_, x_)) * affine(up_, x_)));
}

TEST_F(MlpTest, OnlyAGatedMlpHasALinearHalf) {
  const auto mlp = plain();
  EXPECT_FALSE(hooks_->has("blocks.0.mlp.pre_linear"));
  hooks_ = std::make_shared<HookTable>();
  const auto other = gated();
  EXPECT_TRUE(hooks_->has("blocks.0.mlp.pre_linear"));
}

TEST_F(MlpTest, HooksSeeTheHalvesAndTheirProductUnspoiled) {
  const auto mlp = gated();
  std::map<std::string, torch::Tensor> seen;
  const auto handle = hooks_->add(
      "blocks.0.mlp.*", [&](const torch::Tensor& x, const HookSite& site) {
        seen[site.name] = x;
        return x;
      });
  mlp(x_);
  const auto pre = affine(gate_, x_);
  const auto pre_linear = affine(up_, x_);
  ASSERT_EQ(seen.size(), 3U);
  MA_EXPECT_CLOSE(seen["blocks.0.mlp.pre"], pre);
  MA_EXPECT_CLOSE(seen["blocks.0.mlp.pre_linear"], pre_linear);
  MA_EXPECT_CLOSE(seen["blocks.0.mlp.post"], silu_formula(pre) * pre_linear);
}

TEST_F(MlpTest, TheResultIsMadeOfWhatAHookReturns) {
  const auto mlp = plain();
  const auto handle = hooks_->add(
      "blocks.0.mlp.post",
      [](const torch::Tensor& x, const HookSite&) { return x * 0; });
  MA_EXPECT_CLOSE(mlp(x_), down_.bias.expand({2, 3, kModel}));
}

} // namespace
} // namespace ma::nn
