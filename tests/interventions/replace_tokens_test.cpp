#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/intervention.h"
#include "libma/interventions/intervention_yaml.h"

namespace ma {
namespace {

using ::testing::HasSubstr;

torch::Tensor rows() {
  return at::arange(1, 33, torch::kFloat32)
      .view({2, 4, 4}); // [batch, pos, d_model]
}

/// [layer, position, d_model]: -(100 layer + 10 position + dim).
torch::Tensor vectors() {
  const auto hundreds = at::arange(3).view({3, 1, 1}) * 100;
  const auto tens = at::arange(2).view({1, 2, 1}) * 10;
  return -(hundreds + tens + at::arange(4)).to(torch::kFloat32);
}

InterventionOptions options_at(std::vector<std::int64_t> positions) {
  return {
      .site = "blocks.*.resid_pre",
      .select = Selection::at(std::move(positions), {}),
      .vectors = vectors()};
}

torch::Tensor edited(
    const InterventionOptions& options,
    const torch::Tensor& x,
    const std::string& site_name = "blocks.2.resid_pre",
    const TokenBatch* batch = nullptr) {
  HookSite site = make_site(site_name);
  site.batch = batch;
  const auto edit = make_intervention("replace_tokens", options);
  return call_hook(
      [&](const auto& t, const auto& at) { return edit(t, at); }, x, site);
}

TEST(ReplaceTokensTest, WritesTheVectorsOfItsBlockAndNothingElse) {
  const auto x = rows();
  auto expected = x.clone();
  for (std::int64_t row = 0; row < 2; ++row) {
    expected[row][1] = vectors()[2][0];
    expected[row][2] = vectors()[2][1];
  }
  EXPECT_TRUE(at::equal(edited(options_at({1, 2}), x), expected));
  EXPECT_TRUE(at::equal(x, rows())) << "the input is not written";
}

TEST(ReplaceTokensTest, VectorsBelongToThePositionsInTheirOrder) {
  const auto y = edited(options_at({3, 0}), rows(), "blocks.0.resid_pre");
  EXPECT_TRUE(at::equal(y[1][3], vectors()[0][0]));
  EXPECT_TRUE(at::equal(y[1][0], vectors()[0][1]));
}

TEST(ReplaceTokensTest, PositionsCountFromTheFirstRealToken) {
  const TokenBatch batch(
      at::zeros({2, 4}, torch::kInt64),
      at::tensor({0, 1, 1, 1, 1, 1, 1, 0}).view({2, 4}).to(torch::kBool));
  const auto y =
      edited(options_at({0, 1}), rows(), "blocks.1.resid_pre", &batch);
  EXPECT_TRUE(at::equal(y[0][0], rows()[0][0])) << "padding is left alone";
  EXPECT_TRUE(at::equal(y[0][1], vectors()[1][0]));
  EXPECT_TRUE(at::equal(y[1][0], vectors()[1][0]));
  EXPECT_TRUE(at::equal(y[1][1], vectors()[1][1]));
}

TEST(ReplaceTokensTest, KeepsTheDtype) {
  for (const auto dtype : {torch::kFloat64, torch::kBFloat16, torch::kHalf}) {
    const auto y = edited(options_at({1, 2}), rows().to(dtype));
    EXPECT_EQ(y.scalar_type(), dtype);
    EXPECT_TRUE(at::equal(y[0][1], vectors()[2][0].to(dtype)));
  }
}

TEST(ReplaceTokensTest, IsPrefixStableAndCountsWhatItWrites) {
  EXPECT_TRUE(is_prefix_stable(options_at({1, 2}).select));
  const auto edit = make_intervention("replace_tokens", options_at({1, 2}));
  edit(rows(), make_site("blocks.0.resid_pre"));
  EXPECT_EQ(edit.stats().edited, 2 * 2 * 4);
}

TEST(ReplaceTokensTest, OptionsThatDoNotFitAreErrors) {
  const auto throws = [](const InterventionOptions& options) {
    EXPECT_THROW(make_intervention("replace_tokens", options), ConfigError);
  };
  throws(options_at({}));
  throws(options_at({1}));
  throws(options_at({1, 2, 3}));
  throws(options_at({1, 1}));
  throws(options_at({1, -1}));
  auto dims = options_at({1, 2});
  dims.select.dims = {0};
  throws(dims);
  auto missing = options_at({1, 2});
  missing.vectors = torch::Tensor();
  throws(missing);
  auto flat = options_at({1, 2});
  flat.vectors = at::zeros({2, 4});
  throws(flat);
  auto infinite = options_at({1, 2});
  infinite.vectors = vectors() / 0;
  throws(infinite);
  auto value = options_at({1, 2});
  value.value = 0;
  throws(value);
  auto elsewhere = options_at({1, 2});
  elsewhere.value = 0;
  EXPECT_THROW(make_intervention("set_value", elsewhere), ConfigError);
}

TEST(ReplaceTokensTest, ABlockOrWidthWithoutVectorsIsAnError) {
  EXPECT_THROW(
      edited(options_at({1, 2}), rows(), "blocks.3.resid_pre"), ConfigError);
  EXPECT_THROW(edited(options_at({1, 2}), rows(), "embed"), ConfigError);
  EXPECT_THROW(edited(options_at({1, 2}), at::zeros({2, 4, 5})), ConfigError);
  EXPECT_THROW(edited(options_at({1, 4}), rows()), ShapeError);
}

TEST(ReplaceTokensTest, AFileOfVectorsStandsInYaml) {
  const std::string text =
      "interventions:\n"
      "  - {kind: replace_tokens, site: \"blocks.*.resid_pre\", select: "
      "{kind: explicit, positions: [1, 2]}, vectors: \"means.safetensors\"}\n";
  std::filesystem::path asked;
  const Yaml file = Yaml::parse(text, "edit.yaml");
  const auto edits = read_interventions(file, [&](const auto& path) {
    asked = path;
    return vectors();
  });
  file.reject_unknown();
  ASSERT_EQ(edits.size(), 1U);
  EXPECT_EQ(asked, "means.safetensors");
  EXPECT_TRUE(at::equal(edits[0].options().vectors, vectors()));
  EXPECT_EQ(interventions_to_yaml(edits), text);
}

TEST(ReplaceTokensTest, VectorsWithoutAFileCannotStandInYaml) {
  const auto edit = make_intervention("replace_tokens", options_at({1, 2}));
  EXPECT_THROW(interventions_to_yaml({edit}), ConfigError);
  const Yaml file = Yaml::parse(
      "interventions:\n  - {kind: replace_tokens, site: embed, select: {kind: "
      "explicit, positions: [1]}, vectors: a}\n",
      "edit.yaml");
  EXPECT_THROW(read_interventions(file), ConfigError);
}

} // namespace
} // namespace ma
