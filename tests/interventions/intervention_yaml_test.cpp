#include "libma/interventions/intervention_yaml.h"

#include <limits>

#include "tests/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/interventions/composed.h"

namespace ma {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<Intervention> read(const std::string& text) {
  const Yaml file = Yaml::parse(text, "edit.yaml");
  auto edits = read_interventions(file);
  file.reject_unknown();
  return edits;
}

std::vector<std::string> describe(const std::vector<Intervention>& edits) {
  std::vector<std::string> lines;
  for (const Intervention& edit : edits) {
    lines.push_back(edit.describe());
  }
  return lines;
}

/// The message of the ConfigError that reading `text` throws.
std::string problem_of(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing is wrong";
}

TEST(InterventionYamlTest, ReadsSitesLayersAndSelections) {
  const auto edits = read(R"(
interventions:
  - {site: blocks.3.mlp_out, select: {kind: explicit, positions: [0], dims: [5, 7]}, value: 0.5}
  - {kind: scale, layer: [1, 2], select: {kind: top_k, count: 2}, factor: 0}
  - {kind: clamp, layer: all, site: attn_out, select: {kind: criterion, magnitude: 10, ratio: 5}, low: -1}
  - {kind: add, layer: 0, select: {kind: random, count: 4, seed: 9}, value: 1}
)");
  EXPECT_THAT(
      describe(edits),
      ::testing::ElementsAre(
          "set_value 0.5 at blocks.3.mlp_out: positions [0] x dims [5, 7]",
          "scale factor 0 at blocks.1.resid_post: the 2 largest of each row",
          "scale factor 0 at blocks.2.resid_post: the 2 largest of each row",
          "clamp low -1 at blocks.*.attn_out: |x| > 10 and > 5 x median",
          "add 1 at blocks.0.resid_post: 4 of each row at random (seed 9)"));
}

TEST(InterventionYamlTest, ErrorsSayWhereAndWhat) {
  const std::string select = "select: {kind: explicit, dims: [1]}";
  EXPECT_THAT(
      problem_of("interventions:\n  - {" + select + ", value: 0}"),
      HasSubstr("interventions.0"));
  EXPECT_THAT(
      problem_of("interventions:\n  - {site: embed, " + select + "}"),
      HasSubstr("edit.yaml:2"));
  EXPECT_THAT(
      problem_of(
          "interventions:\n  - {site: embed, " + select +
          ", value: 0, vlaue: 1}"),
      HasSubstr("vlaue"));
  EXPECT_THAT(
      problem_of(
          "interventions:\n  - {site: embed, kind: sca, " + select + "}"),
      HasSubstr("scale"));
  EXPECT_THAT(
      problem_of("interventions:\n  - {site: embed, select: top_k, value: 0}"),
      HasSubstr("count"));
  EXPECT_THAT(
      problem_of("interventions:\n  - {layer: some, " + select + ", value: 0}"),
      HasSubstr("a list of blocks"));
  EXPECT_THAT(problem_of("edits: []"), HasSubstr("interventions"));
}

/// An edit of each kind with every option and selection.
std::vector<Intervention> all_edits() {
  std::vector<Intervention> edits;
  Selection median{
      .kind = SelectionKind::kMedianMagnitude, .positions = {0, -1}};
  median.count = 3;
  Selection random{.kind = SelectionKind::kRandom, .count = 2};
  random.seed = 1234567890123;
  Selection criterion{.kind = SelectionKind::kCriterion, .dims = {3}};
  criterion.magnitude = 0.1;
  criterion.ratio = 1.0 / 3;
  const auto add = [&](const char* kind, InterventionOptions options) {
    edits.push_back(make_intervention(kind, std::move(options)));
  };
  add("set_value",
      {.site = "blocks.*.resid_post",
       .select = Selection::at({0, 4}, {507}),
       .value = 23146.953125});
  add("add",
      {.site = "embed", .select = Selection::at({}, {}), .value = -1e-30});
  add("scale", {.site = "blocks.0.mlp_out", .select = median, .factor = 0.1});
  add("clamp",
      {.site = "blocks.1.attn_out",
       .select = criterion,
       .low = -kInfinity,
       .high = 1e20});
  add("clamp",
      {.site = "ln_final.scale",
       .select = {.kind = SelectionKind::kTopK, .count = 1},
       .high = 5});
  add("set_value", {.site = "logits", .select = random, .value = 0});
  return edits;
}

void expect_equal(const Intervention& a, const Intervention& b) {
  EXPECT_EQ(a.describe(), b.describe());
  const InterventionOptions& x = a.options();
  const InterventionOptions& y = b.options();
  EXPECT_EQ(x.value, y.value);
  EXPECT_EQ(x.factor, y.factor);
  EXPECT_EQ(x.low, y.low);
  EXPECT_EQ(x.high, y.high);
  EXPECT_EQ(x.select.positions, y.select.positions);
  EXPECT_EQ(x.select.dims, y.select.dims);
  EXPECT_EQ(x.select.seed, y.select.seed);
  if (x.select.kind == SelectionKind::kCriterion) {
    EXPECT_EQ(x.select.magnitude, y.select.magnitude);
    EXPECT_EQ(x.select.ratio, y.select.ratio);
  }
}

TEST(InterventionYamlTest, WhatIsSavedIsReadBackToTheLastBit) {
  const test::TemporaryFolder folder;
  const auto path = folder / "edit.yaml";
  const auto edits = all_edits();
  save_interventions(path, edits);
  const auto loaded = load_interventions(path);
  ASSERT_EQ(loaded.size(), edits.size());
  for (std::size_t i = 0; i < edits.size(); ++i) {
    expect_equal(loaded[i], edits[i]);
  }
  save_interventions(path, {});
  EXPECT_TRUE(load_interventions(path).empty());
}

TEST(InterventionYamlTest, EditsThatNoFileCanHoldAreRefused) {
  const auto edit = make_intervention(
      "set_value",
      {.site = "blocks.1.resid_post",
       .select = Selection::at({0, 1}, {2}),
       .value = 0});
  try {
    interventions_to_yaml({except_at(edit, {0})});
    FAIL() << "an edit that spares a token is written without that";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be saved"));
  }
}

TEST(InterventionYamlTest, AnEmptyListOfBlocksIsRefused) {
  EXPECT_THROW(
      read(
          "interventions: [{layer: [], select: {kind: top_k, count: 1}, "
          "value: 0}]\n"),
      ConfigError);
}

TEST(InterventionYamlTest, MeansBecomeValuesThatDoTheSame) {
  const auto means = at::arange(3 * 2 * 8, torch::kFloat64).view({3, 2, 8}) / 7;
  const auto edit = make_intervention(
      "set_value",
      {.site = "blocks.*.resid_post",
       .select = Selection::at({0, 2, 3}, {1, 6}),
       .means = means});
  const auto saved = read(interventions_to_yaml({edit}));
  const auto x = at::randn({2, 5, 8}, torch::kFloat64);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    HookSite site{
        .name = c10::str("blocks.", layer, ".resid_post"),
        .kind = "resid_post",
        .layer = layer,
        .shape = "[batch, pos, d_model]"};
    auto y = x;
    for (const Intervention& each : saved) {
      y = each.site() == site.name ? each(y, site) : y;
    }
    EXPECT_TRUE(y.equal(edit(x, site))) << layer;
  }
}

TEST(InterventionYamlTest, MeansOfWhatIsFoundInEachRowAreRefused) {
  const auto means = at::zeros({3, 2, 8}, torch::kFloat64);
  for (const Selection& select :
       {Selection::at({}, {1}),
        Selection::at({-1}, {1}),
        Selection::at({0}, {}),
        Selection::at({0}, {8}),
        Selection{.kind = SelectionKind::kTopK, .count = 1}}) {
    const auto edit = make_intervention(
        "set_value",
        {.site = "blocks.1.resid_post", .select = select, .means = means});
    EXPECT_THROW(interventions_to_yaml({edit}), ConfigError)
        << ma::describe(select);
  }
}

} // namespace
} // namespace ma
