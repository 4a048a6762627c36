#include "libma/eval/sweeps.h"

#include <set>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/analysis/edit_target.h"
#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::int64_t kLayers = 4;
constexpr std::int64_t kWidth = 32; // d_model of the tiny models

MassiveSite site(
    std::int64_t dim, TokenClass where, std::int64_t first, std::int64_t last) {
  return {
      .dim = dim,
      .token_class = where,
      .first_layer = first,
      .last_layer = last,
      .count = 8};
}

/// Dim 3 is massive at the start after blocks 1 and 2.
MassiveProfile make_profile() {
  MassiveProfile profile;
  profile.n_sequences = 4;
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    profile.layers.push_back({.layer = layer});
  }
  profile.sites = {site(3, TokenClass::kStart, 1, 2)};
  profile.edit_layer = 1;
  profile.meets_criterion = true;
  profile.means = at::arange(kLayers * 2 * kWidth, torch::kFloat64)
                      .view({kLayers, 2, kWidth});
  profile.hit_means = profile.means;
  return profile;
}

/// And dim 5 at delimiters.
MassiveProfile with_delimiters() {
  auto profile = make_profile();
  profile.sites.push_back(site(5, TokenClass::kStrongDelimiter, 1, 2));
  return profile;
}

std::vector<std::string> names_of(const Sweep& sweep) {
  std::vector<std::string> names;
  for (const SweepRow& row : sweep.rows) {
    names.push_back(row.condition.name);
  }
  return names;
}

const Condition& named(const Sweep& sweep, const std::string& name) {
  for (const SweepRow& row : sweep.rows) {
    if (row.condition.name == name) {
      return row.condition;
    }
  }
  throw std::out_of_range(name);
}

/// `x` [batch, pos, d_model] after the condition's only edit.
torch::Tensor edited(const Condition& condition, const torch::Tensor& x) {
  EXPECT_THAT(condition.edits, SizeIs(1));
  HookSite at;
  at.name = condition.edits[0].site();
  at.layer = at.name[7] - '0';
  return condition.edits[0](x, at);
}

TEST(SweepTest, EditsAfterEachBlock) {
  const auto sweep =
      make_sweep(make_profile(), {.kind = "blocks", .value = 7.5});
  EXPECT_THAT(
      names_of(sweep), ElementsAre("block 0", "block 1", "block 2", "block 3"));
  const auto& last = sweep.rows.back();
  EXPECT_EQ(std::get<std::int64_t>(last.keys[0]), 3);
  EXPECT_EQ(std::get<std::int64_t>(last.keys[1]), 4);
  EXPECT_EQ(
      last.condition.edits[0].describe(),
      "set_value 7.5 at blocks.3.resid_post: positions [0] x dims [3]");
}

TEST(SweepTest, EditsEntriesToldBySizeWhereTheyAreMassive) {
  const auto sweep =
      make_sweep(with_delimiters(), {.kind = "blocks", .top = 0});
  EXPECT_THAT(names_of(sweep), ElementsAre("block 1", "block 2"));
  EXPECT_THAT(
      sweep.rows[0].condition.edits[0].describe(), HasSubstr("x median"));
}

TEST(SweepTest, SpansGrowFromTheFirstMassiveBlock) {
  const auto sweep = make_sweep(make_profile(), {.kind = "spans"});
  EXPECT_THAT(
      names_of(sweep),
      ElementsAre("blocks 1-1", "blocks 1-2", "blocks 1-3", "blocks 0-3"));
  EXPECT_THAT(sweep.rows[0].condition.edits, SizeIs(1));
  EXPECT_THAT(sweep.rows[2].condition.edits, SizeIs(3));
  EXPECT_THAT(sweep.rows[3].condition.edits, SizeIs(4));
  EXPECT_EQ(std::get<std::string>(sweep.rows[2].keys[1]), "2-4");
}

TEST(SweepTest, ScalesByGivenFactorsOrQuarters) {
  EXPECT_THAT(make_sweep(make_profile(), {.kind = "scale"}).rows, SizeIs(9));
  const auto sweep =
      make_sweep(make_profile(), {.kind = "scale", .factors = {0.5, 3}});
  EXPECT_THAT(names_of(sweep), ElementsAre("scale 0.5", "scale 3"));
  const auto x = at::ones({1, 2, kWidth});
  EXPECT_EQ(edited(sweep.rows[1].condition, x)[0][0][3].item<float>(), 3);
}

TEST(SweepTest, PlacesLeaveOutWhatIsNotThere) {
  const auto sweep = make_sweep(make_profile(), {.kind = "places"});
  EXPECT_THAT(names_of(sweep), ElementsAre("at the start"));
  EXPECT_THAT(sweep.left_out, ElementsAre(HasSubstr("elsewhere")));
}

TEST(SweepTest, PlacesTellTheStartFromTheRest) {
  const auto sweep = make_sweep(with_delimiters(), {.kind = "places"});
  EXPECT_THAT(
      names_of(sweep), ElementsAre("at the start", "elsewhere", "everywhere"));
  auto x = at::full({1, 4, kWidth}, 0.1);
  x[0][0][3] = 5000;
  x[0][2][5] = 4000;
  const auto elsewhere = edited(named(sweep, "elsewhere"), x);
  EXPECT_EQ(elsewhere[0][0][3].item<float>(), 5000);
  EXPECT_EQ(elsewhere[0][2][5].item<float>(), 0);
  const auto everywhere = edited(named(sweep, "everywhere"), x);
  EXPECT_EQ(everywhere[0][0][3].item<float>(), 0);
  EXPECT_EQ(everywhere[0][2][5].item<float>(), 0);
  const auto start = edited(named(sweep, "at the start"), x);
  EXPECT_EQ(start[0][0][3].item<float>(), 0);
  EXPECT_EQ(start[0][2][5].item<float>(), 4000);
}

TEST(SweepTest, TokensSetTheEntryItsTokenAndItsDim) {
  const auto profile = make_profile();
  const auto sweep = make_sweep(profile, {.kind = "tokens"});
  ASSERT_THAT(sweep.rows, SizeIs(8));
  const auto x = at::ones({1, 3, kWidth}, torch::kFloat64);
  const auto& means = profile.means[1]; // after block 1: [2, d_model]
  auto expected = x.clone();
  expected[0][0] = means[0];
  EXPECT_TRUE(
      edited(named(sweep, "token, all dims = mean"), x).equal(expected));
  expected = x.clone();
  expected[0][0][3] = means[0][3];
  EXPECT_TRUE(edited(named(sweep, "entry = mean"), x).equal(expected));
  expected[0].slice(0, 1).select(1, 3).copy_(means[1][3]);
  EXPECT_TRUE(
      edited(named(sweep, "dim, all tokens = mean"), x).equal(expected));
  expected = x.clone();
  expected[0].slice(0, 1).select(1, 3).zero_();
  EXPECT_TRUE(edited(named(sweep, "dim, other tokens = 0"), x).equal(expected));
}

TEST(SweepTest, RestoresAfterLaterBlocks) {
  const auto all = make_sweep(make_profile(), {.kind = "restore"});
  EXPECT_THAT(
      names_of(all),
      ElementsAre(
          "never restored",
          "restored after block 1",
          "restored after block 2",
          "restored after block 3"));
  const auto some =
      make_sweep(make_profile(), {.kind = "restore", .after = {2}});
  EXPECT_THAT(
      names_of(some), ElementsAre("never restored", "restored after block 3"));
  EXPECT_THAT(some.rows[1].condition.edits, SizeIs(2));
  EXPECT_THROW(
      make_sweep(make_profile(), {.kind = "restore", .after = {3}}),
      ConfigError);
}

TEST(SweepTest, MeansComeFromTheCountsThatWereGiven) {
  const auto profile = make_profile();
  const auto sweep = make_sweep(
      profile,
      {.kind = "mean_from",
       .means = {{1, profile.means + 0.5}, {10, profile.means}}});
  EXPECT_THAT(
      names_of(sweep),
      ElementsAre("mean of 1 sequence", "mean of 10 sequences"));
  const double mean = profile.means[1][0][3].item<double>();
  EXPECT_EQ(std::get<double>(sweep.rows[0].keys[1]), mean + 0.5);
  const auto x = at::zeros({1, 2, kWidth});
  EXPECT_EQ(edited(sweep.rows[1].condition, x)[0][0][3].item<double>(), mean);
  EXPECT_THROW(make_sweep(profile, {.kind = "mean_from"}), ConfigError);
  EXPECT_THROW(
      make_sweep(
          profile, {.kind = "mean_from", .means = {{1, at::zeros({2, 2, 2})}}}),
      ShapeError);
}

TEST(SweepTest, MeansAreOfTheStartOrOfTheRest) {
  const auto profile = make_profile();
  const auto sweep = make_sweep(profile, {.kind = "mean_of"});
  const auto x = at::zeros({1, 2, kWidth});
  for (const std::int64_t kind : {0, 1}) {
    const auto& row = sweep.rows.at(static_cast<std::size_t>(kind));
    const double mean = profile.means[1][kind][3].item<double>();
    EXPECT_EQ(std::get<double>(row.keys[1]), mean);
    EXPECT_EQ(edited(row.condition, x)[0][0][3].item<double>(), mean);
  }
}

TEST(SweepTest, NamesOfConditionsDiffer) {
  const auto profile = with_delimiters();
  for (const std::string& kind : sweep_kinds()) {
    SweepOptions options{.kind = kind};
    if (kind == "mean_from") {
      options.means = {{1, profile.means}, {2, profile.means}};
    }
    const auto sweep = make_sweep(profile, options);
    const auto names = names_of(sweep);
    EXPECT_EQ(
        std::set<std::string>(names.begin(), names.end()).size(), names.size());
    for (const SweepRow& row : sweep.rows) {
      EXPECT_EQ(row.keys.size(), sweep.keys.size()) << kind;
    }
  }
}

TEST(SweepTest, RejectsWhatAKindDoesNotTake) {
  const auto profile = make_profile();
  EXPECT_THROW(make_sweep(profile, {.kind = "block"}), UnknownNameError);
  EXPECT_THROW(make_sweep(profile, {.kind = "scale", .value = 0}), ConfigError);
  EXPECT_THROW(
      make_sweep(profile, {.kind = "blocks", .factors = {1}}), ConfigError);
  EXPECT_THROW(
      make_sweep(profile, {.kind = "blocks", .value = 0, .is_mean = true}),
      ConfigError);
  EXPECT_THROW(make_sweep(profile, {.kind = "blocks", .top = -1}), ConfigError);
  EXPECT_THROW(
      make_sweep(with_delimiters(), {.kind = "tokens", .top = 0}), ConfigError);
  EXPECT_THAT(sweep_options("scale", "here"), ElementsAre("factors"));
}

TEST(SweepTest, SaysHowToEditWhatIsNowhereInParticular) {
  auto profile = with_delimiters();
  profile.sites.erase(profile.sites.begin());
  EXPECT_THROW(make_sweep(profile, {.kind = "scale"}), ConfigError);
  const auto sweep = make_sweep(profile, {.kind = "scale", .top = 0});
  EXPECT_THAT(
      sweep.rows[0].condition.edits[0].describe(), HasSubstr("x median"));
  EXPECT_THAT(
      names_of(make_sweep(profile, {.kind = "places"})),
      ElementsAre("elsewhere"));
}

TEST(SweepTest, RestoringAtOnceGivesTheOriginalToTheBit) {
  const auto model = testing::make_tiny_model(testing::tiny_config("llama"));
  const auto sweep =
      make_sweep(make_profile(), {.kind = "restore", .value = 1e3});
  std::vector<Condition> conditions = {{"original", {}}};
  for (const SweepRow& row : sweep.rows) {
    conditions.push_back(row.condition);
  }
  ConditionRunner runner(model, conditions);
  const TokenBatch batch(testing::random_ids(3, 8));
  std::vector<torch::Tensor> logits(conditions.size());
  runner.run(batch, [&](std::size_t i, const torch::Tensor& x) {
    logits[i] = model.unembed(x, {}, batch);
  });
  EXPECT_TRUE(testing::has_same_bits(logits[2], logits[0])); // after block 1
  EXPECT_FALSE(testing::has_same_bits(logits[1], logits[0]));
  EXPECT_FALSE(testing::has_same_bits(logits[3], logits[0]));
}

TEST(EditTargetTest, IsTheStartUnlessSomethingElseIsMassiveToo) {
  const auto start = edit_target(make_profile(), 0);
  EXPECT_TRUE(start.has_positions());
  EXPECT_EQ(start.block, 1);
  EXPECT_EQ(start.last_block, 2);
  EXPECT_EQ(start.count, 1);
  const auto anywhere = edit_target(with_delimiters(), 0);
  EXPECT_EQ(anywhere.selection.kind, SelectionKind::kCriterion);
  EXPECT_EQ(anywhere.count, 4); // 16 hits in 4 sequences
  EXPECT_TRUE(edit_target(with_delimiters(), 1).has_positions());
}

} // namespace
} // namespace ma
