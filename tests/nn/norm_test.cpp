// RMSNorm and LayerNorm against the formula in float64.
#include "libma/nn/norm.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/tolerance.h"
#include <gtest/gtest.h>

namespace ma::nn {
namespace {

constexpr std::int64_t kModel = 16;
constexpr double kEps = 0.1; // large enough that its place in the formula shows

/// The formula, one number at a time. `x` is [batch, pos, d_model]; any dtype
/// in, float64 out. `bias` may be undefined.
torch::Tensor formula(
    NormKind kind,
    const torch::Tensor& x,
    const torch::Tensor& weight,
    const torch::Tensor& bias) {
  const auto rows = x.to(torch::kFloat64).contiguous().view({-1, kModel});
  auto y = at::empty_like(rows);
  const auto in = rows.accessor<double, 2>();
  auto out = y.accessor<double, 2>();
  for (std::int64_t row = 0; row < rows.size(0); ++row) {
    double mean = 0;
    for (std::int64_t i = 0; i < kModel && kind == NormKind::kLayer; ++i) {
      mean += in[row][i] / kModel;
    }
    double square = 0;
    for (std::int64_t i = 0; i < kModel; ++i) {
      square += (in[row][i] - mean) * (in[row][i] - mean) / kModel;
    }
    for (std::int64_t i = 0; i < kModel; ++i) {
      out[row][i] = (in[row][i] - mean) / std::sqrt(square + kEps);
    }
  }
  y = y.view(x.sizes()) * weight.to(torch::kFloat64);
  return bias.defined() ? y + bias.to(torch::kFloat64) : y;
}

class NormTest : public ::testing::TestWithParam<NormKind> {
 protected:
  void SetUp() override {
    at::manual_seed(7);
    x_ = at::randn({2, 3, kModel}, torch::kFloat64) * 2 + 1; // not centred
    weight_ = at::randn({kModel}, torch::kFloat64);
    bias_ = at::randn({kModel}, torch::kFloat64);
  }

  Norm norm(const torch::Tensor& weight, const torch::Tensor& bias) {
    return {
        {.kind = GetParam(), .eps = kEps},
        {weight, bias},
        *hooks_,
        "blocks.0.ln1"};
  }

  /// What `point` of the norm shows during a pass over `x`.
  torch::Tensor seen(
      const std::string& point, const Norm& norm, const torch::Tensor& x) {
    torch::Tensor kept;
    const auto handle = hooks_->add(
        "blocks.0.ln1." + point, [&](const torch::Tensor& a, const HookSite&) {
          kept = a;
          return a;
        });
    norm(x);
    return kept;
  }

  std::shared_ptr<HookTable> hooks_ = std::make_shared<HookTable>();
  torch::Tensor x_; // [batch, pos, d_model]
  torch::Tensor weight_;
  torch::Tensor bias_;
};

TEST_P(NormTest, IsTheFormulaWithoutABias) {
  const auto y = norm(weight_, {})(x_);
  MA_EXPECT_CLOSE(y, formula(GetParam(), x_, weight_, {}));
}

TEST_P(NormTest, AddsTheBiasAfterTheGain) {
  const auto y = norm(weight_, bias_)(x_);
  MA_EXPECT_CLOSE(y, formula(GetParam(), x_, weight_, bias_));
}

TEST_P(NormTest, LeavesTheInputAlone) {
  const auto before = x_.clone();
  norm(weight_, bias_)(x_);
  EXPECT_TRUE(ma::testing::has_same_bits(x_, before));
}

TEST_P(NormTest, TheScaleIsOneNumberPerPosition) {
  const auto scale = seen("scale", norm(weight_, bias_), x_);
  EXPECT_EQ(scale.sizes(), (std::vector<std::int64_t>{2, 3, 1}));
  const auto centred = GetParam() == NormKind::kLayer
                           ? x_ - x_.mean(/*dim=*/-1, /*keepdim=*/true)
                           : x_;
  MA_EXPECT_CLOSE(
      scale, (centred * centred).mean(-1, /*keepdim=*/true).add(kEps).sqrt());
}

TEST_P(NormTest, AKeptNormalizedIsNotOverwrittenByTheGain) {
  const auto normalized = seen("normalized", norm(weight_, bias_), x_);
  MA_EXPECT_CLOSE(
      normalized, formula(GetParam(), x_, at::ones_like(weight_), {}));
}

TEST_P(NormTest, DividesByTheScaleThatAHookReturns) {
  const auto without_bias = norm(weight_, {});
  const auto plain = without_bias(x_);
  const auto handle = hooks_->add(
      "blocks.0.ln1.scale",
      [](const torch::Tensor& scale, const HookSite&) { return scale * 2; });
  MA_EXPECT_CLOSE(without_bias(x_), plain / 2);
}

// The squares of a massive activation do not fit into float16.
TEST_P(NormTest, HalfPrecisionIsNormalisedInFloat32) {
  for (const auto dtype : {torch::kHalf, torch::kBFloat16}) {
    SCOPED_TRACE(c10::toString(dtype));
    hooks_ = std::make_shared<HookTable>();
    x_.select(/*dim=*/-1, 0).fill_(3000);
    const auto x = x_.to(dtype);
    const auto weight = weight_.to(dtype);
    const auto bias = bias_.to(dtype);
    const auto half = norm(weight, bias);
    EXPECT_EQ(seen("scale", half, x).scalar_type(), torch::kFloat32);
    EXPECT_EQ(
        seen("normalized", half, x).scalar_type(),
        GetParam() == NormKind::kRms ? dtype : torch::kFloat32);
    const auto y = half(x);
    EXPECT_EQ(y.scalar_type(), dtype);
    MA_EXPECT_CLOSE(y, formula(GetParam(), x, weight, bias));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    NormTest,
    ::testing::Values(NormKind::kRms, NormKind::kLayer),
    [](const auto& info) {
      return info.param == NormKind::kRms ? "Rms" : "Layer";
    });

} // namespace
} // namespace ma::nn
