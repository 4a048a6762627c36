#include "libma/interventions/intervention.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/hooks/hook_table.h"

namespace ma {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

torch::Tensor rows() {
  return at::arange(1, 25, torch::kFloat32)
      .view({2, 3, 4}); // [batch, pos, d_model]
}

InterventionOptions options_at(Selection select) {
  return {.site = "blocks.1.resid_post", .select = std::move(select)};
}

Intervention make(const std::string& kind, InterventionOptions options) {
  return make_intervention(kind, std::move(options));
}

/// `x` after the intervention, through the checks of a hook point.
torch::Tensor edited(
    const Intervention& intervention,
    const torch::Tensor& x,
    const TokenBatch* batch = nullptr) {
  HookSite site = make_site("blocks.1.resid_post");
  site.batch = batch;
  return call_hook(
      [&](const auto& t, const auto& at) { return intervention(t, at); },
      x,
      site);
}

TEST(InterventionTest, SetValueWritesTheConstantAndNothingElse) {
  auto options = options_at(Selection::at({0}, {1, 3}));
  options.value = -0.5;
  const auto x = rows();
  auto expected = x.clone();
  expected.index_put_({at::indexing::Slice(), 0, 1}, -0.5);
  expected.index_put_({at::indexing::Slice(), 0, 3}, -0.5);
  EXPECT_TRUE(at::equal(edited(make("set_value", options), x), expected));
  EXPECT_TRUE(at::equal(x, rows())) << "the input is not written";
}

TEST(InterventionTest, SetValueTakesTheMeanOfItsBlockPositionKindAndDim) {
  auto options = options_at(Selection::at({0, 2}, {1}));
  options.means = at::arange(3 * 2 * 4, torch::kFloat64).view({3, 2, 4});
  const auto y = edited(make("set_value", options), rows());
  EXPECT_EQ(y[1][0][1].item<float>(), 8 + 1);
  EXPECT_EQ(y[1][2][1].item<float>(), 8 + 4 + 1);
  EXPECT_EQ(y[1][1][1].item<float>(), rows()[1][1][1].item<float>());
}

TEST(InterventionTest, MeansFollowTheFirstRealTokenUnderPadding) {
  auto options = options_at(Selection::at({0, 1}, {0}));
  options.means =
      at::tensor({10.0, 20.0}).view({1, 2, 1}).expand({2, 2, 4}).contiguous();
  const TokenBatch batch(
      at::zeros({2, 3}, torch::kInt64),
      at::tensor({0, 1, 1, 1, 1, 0}).view({2, 3}).to(torch::kBool));
  const auto y = edited(make("set_value", options), rows(), &batch);
  EXPECT_EQ(y[0][1][0].item<float>(), 10);
  EXPECT_EQ(y[0][2][0].item<float>(), 20);
  EXPECT_EQ(y[1][0][0].item<float>(), 10);
  EXPECT_EQ(y[1][1][0].item<float>(), 20);
  EXPECT_EQ(y[0][0][0].item<float>(), 1) << "padding is left alone";
}

TEST(InterventionTest, AMeanThatIsNotFiniteIsAnError) {
  auto options = options_at(Selection::at({0}, {1}));
  options.means = at::full({2, 2, 4}, std::nan(""));
  EXPECT_THROW(edited(make("set_value", options), rows()), ConfigError);
  options.means[1][0][1] = 3; // the only one that is looked up
  EXPECT_EQ(
      edited(make("set_value", options), rows())[0][0][1].item<float>(), 3);
}

TEST(InterventionTest, MeansThatDoNotFitTheSiteAreErrors) {
  auto options = options_at(Selection::at({0}, {1}));
  options.means = at::zeros({1, 2, 4}); // the site is in block 1
  EXPECT_THROW(edited(make("set_value", options), rows()), ConfigError);
  options.means = at::zeros({2, 2, 5});
  EXPECT_THROW(edited(make("set_value", options), rows()), ConfigError);
  options.means = at::zeros({2, 4});
  EXPECT_THROW(make("set_value", options), ConfigError);
}

TEST(InterventionTest, ScaleMultiplies) {
  auto options = options_at(Selection::at({1}, {2}));
  options.factor = 0.5;
  EXPECT_EQ(
      edited(make("scale", options), rows())[0][1][2].item<float>(), 3.5F);
}

TEST(InterventionTest, AddAdds) {
  auto options = options_at(Selection::at({1}, {2}));
  options.value = 100;
  EXPECT_EQ(edited(make("add", options), rows())[0][1][2].item<float>(), 107);
}

TEST(InterventionTest, ClampBoundsOnEitherSide) {
  auto options = options_at({});
  options.low = 3;
  EXPECT_TRUE(
      at::equal(edited(make("clamp", options), rows()), rows().clamp_min(3)));
  options.high = 20;
  EXPECT_TRUE(
      at::equal(edited(make("clamp", options), rows()), rows().clamp(3, 20)));
}

TEST(InterventionTest, AnEmptySelectionReturnsTheInputItself) {
  auto options = options_at({.kind = SelectionKind::kCriterion});
  options.value = 0;
  const auto intervention = make("set_value", options);
  const auto x = rows();
  EXPECT_EQ(edited(intervention, x).data_ptr(), x.data_ptr());
  EXPECT_EQ(intervention.stats().calls, 1);
  EXPECT_EQ(intervention.stats().edited, 0);
}

TEST(InterventionTest, CountsCallsAndEditsOverCopies) {
  auto options = options_at(Selection::at({0}, {1, 2}));
  options.value = 0;
  const auto intervention = make("set_value", options);
  const Intervention copy =
      intervention; // NOLINT(performance-unnecessary-copy-initialization)
  edited(intervention, rows());
  edited(copy, rows());
  EXPECT_EQ(intervention.stats().calls, 2);
  EXPECT_EQ(intervention.stats().edited, 8);
}

TEST(InterventionTest, KeepsTheDtype) {
  for (const auto dtype :
       {torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kHalf}) {
    auto options = options_at(Selection::at({0}, {1}));
    options.means = at::full({2, 2, 4}, 1.5);
    const auto y = edited(make("set_value", options), rows().to(dtype));
    EXPECT_EQ(y.scalar_type(), dtype);
    EXPECT_EQ(y[1][0][1].item<double>(), 1.5);
  }
}

TEST(InterventionTest, EditsATensorThatIsNotContiguous) {
  auto options = options_at(Selection::at({1}, {2}));
  options.value = -1;
  const auto x = rows().transpose(1, 2).contiguous().transpose(1, 2);
  auto expected = rows();
  expected.index_put_({at::indexing::Slice(), 1, 2}, -1);
  EXPECT_TRUE(at::equal(edited(make("set_value", options), x), expected));
}

TEST(InterventionTest, AValueBeyondHalfPrecisionIsAnErrorAndNotInfinity) {
  auto options = options_at(Selection::at({0}, {1}));
  options.value = 1e6;
  EXPECT_THROW(
      edited(make("set_value", options), rows().to(torch::kHalf)), ConfigError);
  auto scaled = options_at(Selection::at({0}, {1}));
  scaled.factor = 1e6;
  EXPECT_THROW(
      edited(make("scale", scaled), rows().to(torch::kHalf)), ConfigError);
}

TEST(InterventionTest, OptionsOfAnotherKindAreErrorsThatNameTheOption) {
  auto options = options_at({});
  options.value = 1;
  options.factor = 2;
  for (const auto* kind : {"set_value", "scale", "clamp", "add"}) {
    EXPECT_THROW(make(kind, options), ConfigError) << kind;
  }
  try {
    make("set_value", options);
  } catch (const ConfigError& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr(
            "[set_value] option 'factor' is not one of this kind; it takes "
            "value, means"));
  }
}

TEST(InterventionTest, MissingOrImpossibleOptionsAreErrors) {
  auto both = options_at({});
  both.value = 1;
  both.means = at::zeros({2, 2, 4});
  EXPECT_THROW(make("set_value", both), ConfigError);
  auto inverted = options_at({});
  inverted.low = 2;
  inverted.high = 1;
  EXPECT_THROW(make("clamp", inverted), ConfigError);
  for (const double bad : {std::nan(""), kInfinity}) {
    auto value = options_at({});
    value.value = bad;
    EXPECT_THROW(make("set_value", value), ConfigError);
    EXPECT_THROW(make("add", value), ConfigError);
    auto factor = options_at({});
    factor.factor = bad;
    EXPECT_THROW(make("scale", factor), ConfigError);
  }
  for (const auto* kind : {"set_value", "scale", "clamp", "add"}) {
    EXPECT_THROW(make(kind, options_at({})), ConfigError) << kind;
  }
  EXPECT_THROW(
      make_intervention("set_value", {.site = "", .value = 0}), ConfigError)
      << "no site";
}

TEST(InterventionTest, AnUnknownKindOffersTheNearest) {
  try {
    make_intervention("setvalue", {.site = "embed"});
    FAIL();
  } catch (const UnknownNameError& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr("no intervention named 'setvalue'; nearest: set_value"));
  }
}

TEST(InterventionTest, DescribesItselfInOneLine) {
  auto options = options_at(Selection::at({0}, {507}));
  options.value = 0;
  EXPECT_EQ(
      make("set_value", options).describe(),
      "set_value 0 at blocks.1.resid_post: positions [0] x dims [507]");
  auto bounds = options_at({});
  bounds.low = -100;
  bounds.high = 100;
  EXPECT_EQ(
      make("clamp", bounds).describe(),
      "clamp low -100 high 100 at blocks.1.resid_post: all positions x all "
      "dims");
  auto means = options_at(Selection::at({0}, {1}));
  means.means = at::zeros({2, 2, 4});
  EXPECT_EQ(
      make("set_value", means).describe(),
      "set_value mean at blocks.1.resid_post: positions [0] x dims [1]");
}

TEST(InterventionTest, WorksAsAHookUntilItsHandleDies) {
  const auto table = std::make_shared<HookTable>();
  const HookPoint& point = table->add_point("blocks.1.resid_post");
  auto options = options_at(Selection::at({0}, {0}));
  options.value = 0;
  const auto intervention = make("set_value", options);
  {
    const auto handle = table->add(intervention.site(), intervention);
    EXPECT_EQ(point(rows())[0][0][0].item<float>(), 0);
  }
  EXPECT_EQ(point(rows())[0][0][0].item<float>(), 1);
  EXPECT_EQ(intervention.stats().calls, 1);
}

} // namespace
} // namespace ma
