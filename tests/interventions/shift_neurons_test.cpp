#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/intervention.h"
#include "libma/interventions/intervention_yaml.h"

namespace ma {
namespace {

/// [batch, pos, d_mlp]: neuron 1 is largest at token 3 of the first row, at
/// token 0 (and negative) of the second.
torch::Tensor rows() {
  return at::tensor({1., 2.,  10., 3., 4., 20., 5., 1., 30., 7., 9., 40.,
                     2., -8., 10., 4., 6., 20., 6., 0., 30., 8., 2., 40.})
      .to(torch::kFloat64)
      .view({2, 4, 3});
}

InterventionOptions shift(
    std::vector<std::int64_t> to, std::vector<std::int64_t> dims = {1}) {
  return {
      .site = "blocks.*.mlp.post",
      .select = Selection::at({}, std::move(dims)),
      .to = std::move(to)};
}

torch::Tensor edited(
    const InterventionOptions& options,
    const torch::Tensor& x = rows(),
    const TokenBatch* batch = nullptr) {
  HookSite site = make_site("blocks.2.mlp.post");
  site.batch = batch;
  const auto edit = make_intervention("shift_neurons", options);
  return call_hook(
      [&](const auto& t, const auto& at) { return edit(t, at); }, x, site);
}

/// rows() with neuron 1 of the two rows replaced.
torch::Tensor with_neuron(std::vector<double> values) {
  auto x = rows();
  x.select(2, 1).copy_(at::tensor(values, torch::kFloat64).view({2, 4}));
  return x;
}

TEST(ShiftNeuronsTest, TheTargetGetsTheLargestMagnitudeAndOthersNothing) {
  const auto x = rows();
  EXPECT_TRUE(
      at::equal(edited(shift({1}), x), with_neuron({0, 9, 0, 0, 0, -8, 0, 0})));
  EXPECT_TRUE(at::equal(x, rows())) << "the input is not written";
}

TEST(ShiftNeuronsTest, SeveralTargetsAllGetIt) {
  EXPECT_TRUE(
      at::equal(
          edited(shift({1, -1})), with_neuron({0, 9, 0, 9, 0, -8, 0, -8})));
}

TEST(ShiftNeuronsTest, EachNeuronHasItsOwnMaximum) {
  auto expected = with_neuron({0, 9, 0, 0, 0, -8, 0, 0});
  expected.select(2, 2).zero_();
  expected.select(2, 2).select(1, 1).fill_(40);
  EXPECT_TRUE(at::equal(edited(shift({1}, {2, 1})), expected));
}

TEST(ShiftNeuronsTest, WhatIsKeptStaysAndCounts) {
  auto options = shift({1});
  options.keep = {3, 0};
  EXPECT_TRUE(
      at::equal(edited(options), with_neuron({2, 9, 0, 9, -8, -8, 0, 2})));
}

TEST(ShiftNeuronsTest, OthersMayStay) {
  auto options = shift({1});
  options.others = "same";
  EXPECT_TRUE(
      at::equal(edited(options), with_neuron({2, 9, 1, 9, -8, -8, 0, 2})));
}

TEST(ShiftNeuronsTest, OthersMayGetTheMeanOfTheLowerThreeQuarters) {
  auto options = shift({1});
  options.others = "mean"; // two of three: 2, 1 and 0, 2
  EXPECT_TRUE(
      at::equal(edited(options), with_neuron({1.5, 9, 1.5, 1.5, 1, -8, 1, 1})));
}

TEST(ShiftNeuronsTest, OutliersAloneMayGetTheMean) {
  auto options = shift({1});
  options.others = "only_outliers"; // bounds 4 + 4.36 and 3.33 + 4.16
  const auto y = edited(options);
  const auto expected = with_neuron({2, 9, 1, 4, -2, -8, 0, 2});
  EXPECT_TRUE(at::allclose(y, expected, 1e-15, 1e-15)) << y;
}

TEST(ShiftNeuronsTest, RowsWithoutOtherTokensAreNoError) {
  for (const auto* others : {"zero", "mean", "only_outliers", "same"}) {
    auto options = shift({0, 1}, {0});
    options.others = others;
    const auto two = rows().slice(1, 0, 2);
    EXPECT_EQ(edited(options, two)[0][0][0].item<double>(), 3) << others;
    const auto three = rows().slice(1, 0, 3); // one other token
    EXPECT_TRUE(at::isfinite(edited(options, three)).all().item<bool>())
        << others;
  }
}

TEST(ShiftNeuronsTest, PaddingNeitherGivesNorGets) {
  const TokenBatch batch(
      at::zeros({2, 4}, torch::kInt64),
      at::tensor({1, 1, 1, 0, 0, 1, 1, 1}).view({2, 4}).to(torch::kBool));
  EXPECT_TRUE(
      at::equal(
          edited(shift({1}), rows(), &batch),
          with_neuron({0, 4, 0, 9, -8, 0, 6, 0})));
}

TEST(ShiftNeuronsTest, KeepsTheDtype) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16, torch::kHalf}) {
    const auto y = edited(shift({1}), rows().to(dtype));
    EXPECT_EQ(y.scalar_type(), dtype);
    EXPECT_TRUE(at::equal(y, with_neuron({0, 9, 0, 0, 0, -8, 0, 0}).to(dtype)));
  }
}

TEST(ShiftNeuronsTest, CountsAndDescribesWhatItWrites) {
  auto options = shift({1}, {0, 2});
  options.keep = {0};
  options.others = "mean";
  const auto edit = make_intervention("shift_neurons", options);
  edit(rows(), make_site("blocks.0.mlp.post"));
  EXPECT_EQ(edit.stats().edited, 2 * 4 * 2);
  EXPECT_EQ(
      edit.describe(),
      "shift_neurons to [1], keep [0], others mean at blocks.*.mlp.post: all "
      "positions x dims [0, 2]");
}

TEST(ShiftNeuronsTest, OptionsThatDoNotFitAreErrors) {
  const auto throws = [](const InterventionOptions& options) {
    EXPECT_THROW(make_intervention("shift_neurons", options), ConfigError);
  };
  throws(shift({}));
  throws(shift({1}, {}));
  auto positions = shift({1});
  positions.select.positions = {0};
  throws(positions);
  auto both = shift({1});
  both.keep = {1};
  throws(both);
  auto value = shift({1});
  value.value = 0;
  throws(value);
  auto others = shift({1});
  others.others = "zeros";
  EXPECT_THROW(make_intervention("shift_neurons", others), UnknownNameError);
  EXPECT_THROW(edited(shift({4})), ShapeError);
  EXPECT_THROW(edited(shift({1}, {3})), ShapeError);
  InterventionOptions elsewhere{
      .site = "embed", .select = Selection::at({0}, {0}), .value = 0};
  elsewhere.to = {1};
  EXPECT_THROW(make_intervention("set_value", elsewhere), ConfigError);
}

TEST(ShiftNeuronsTest, StandsInYaml) {
  const std::string text =
      "interventions:\n"
      "  - {kind: shift_neurons, site: \"blocks.4.mlp.post\", select: "
      "{kind: explicit, dims: [3, 7]}, to: [1], keep: [0], others: mean}\n";
  const Yaml file = Yaml::parse(text, "edit.yaml");
  const auto edits = read_interventions(file);
  file.reject_unknown();
  ASSERT_EQ(edits.size(), 1U);
  EXPECT_EQ(edits[0].options().to, std::vector<std::int64_t>{1});
  EXPECT_EQ(interventions_to_yaml(edits), text);
}

} // namespace
} // namespace ma
