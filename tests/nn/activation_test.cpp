// Nonlinearities by name, against their formulas.
#include "libma/nn/activation.h"

#include <cmath>
#include <numbers>
#include <string>

#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma::nn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// float64 [101] from -5 to 5.
torch::Tensor inputs() {
  return at::linspace(-5, 5, 101, torch::kFloat64);
}

torch::Tensor apply(const std::string& name) {
  return find_activation(name, "test")(inputs());
}

TEST(ActivationTest, SiluIsXTimesSigmoid) {
  const auto x = inputs();
  for (const auto* name : {"silu", "swish"}) {
    SCOPED_TRACE(name);
    MA_EXPECT_CLOSE(apply(name), x / (1 + at::exp(-x)));
  }
}

TEST(ActivationTest, GeluIsXTimesTheNormalDistribution) {
  const auto x = inputs();
  MA_EXPECT_CLOSE(
      apply("gelu"), 0.5 * x * (1 + at::erf(x / std::numbers::sqrt2)));
}

TEST(ActivationTest, TheOtherGelusAreTheTanhApproximation) {
  const auto x = inputs();
  const auto inner =
      (x + 0.044715 * x * x * x) * std::sqrt(2 / std::numbers::pi);
  for (const auto* name : {"gelu_new", "gelu_fast", "gelu_pytorch_tanh"}) {
    SCOPED_TRACE(name);
    MA_EXPECT_CLOSE(apply(name), 0.5 * x * (1 + at::tanh(inner)));
  }
}

TEST(ActivationTest, ReluCutsTheNegativeHalf) {
  const auto x = inputs();
  MA_EXPECT_CLOSE(apply("relu"), at::where(x > 0, x, at::zeros_like(x)));
}

TEST(ActivationTest, AnUnknownNameThrowsWithTheNearest) {
  try {
    find_activation("gelu_nwe", "config.json");
    FAIL() << "nothing was thrown";
  } catch (const UnknownNameError& error) {
    EXPECT_THAT(
        error.what(),
        AllOf(
            HasSubstr("[config.json] "),
            HasSubstr("activation named 'gelu_nwe'"),
            HasSubstr("nearest: gelu_new")));
  }
}

} // namespace
} // namespace ma::nn
