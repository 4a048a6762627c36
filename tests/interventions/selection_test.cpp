#include "libma/interventions/selection.h"

#include <set>

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Indices = std::vector<std::int64_t>;

HookSite resid_site(const TokenBatch* batch = nullptr) {
  HookSite site = make_site("blocks.3.resid_post");
  site.batch = batch;
  return site;
}

Indices select(
    const Selection& selection,
    const torch::Tensor& x,
    const TokenBatch* batch = nullptr) {
  const auto indices = select_entries(selection, x, resid_site(batch));
  const auto* data = indices.const_data_ptr<std::int64_t>();
  return {data, data + indices.numel()};
}

/// Random rows with one entry of 5,000 each, [batch, pos, d_model].
torch::Tensor spiky_rows(
    std::int64_t batch, std::int64_t pos, std::int64_t d_model) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
  auto x = at::randn({batch, pos, d_model}, generator, torch::kFloat32);
  for (std::int64_t row = 0; row < batch; ++row) {
    x[row][row % pos][(3 * row + 1) % d_model] = row % 2 == 0 ? 5000 : -5000;
  }
  return x;
}

std::vector<Selection> all_kinds() {
  return {
      Selection::at({0, -1}, {1, 4}),
      Selection::at({}, {2}),
      {.kind = SelectionKind::kCriterion},
      {.kind = SelectionKind::kCriterion, .dims = {1}},
      {.kind = SelectionKind::kTopK, .count = 3},
      {.kind = SelectionKind::kTopK, .positions = {0, -1}, .count = 3},
      {.kind = SelectionKind::kMedianMagnitude, .count = 3},
      {.kind = SelectionKind::kRandom, .count = 4, .seed = 9}};
}

TEST(SelectionTest, ExplicitIsTheProductOfPositionsAndDims) {
  const auto x = at::zeros({2, 3, 4});
  EXPECT_THAT(
      select(Selection::at({0, 2}, {1, 3}), x),
      ElementsAre(1, 3, 9, 11, 13, 15, 21, 23));
}

TEST(SelectionTest, ExplicitCountsNegativesFromTheEndAndIgnoresRepeats) {
  const auto x = at::zeros({1, 3, 4});
  EXPECT_THAT(select(Selection::at({-1, 2, -1}, {-4, 0}), x), ElementsAre(8));
}

TEST(SelectionTest, ExplicitWithNothingGivenIsEverything) {
  EXPECT_EQ(select(Selection{}, at::zeros({2, 3, 4})).size(), 24U);
}

TEST(SelectionTest, ExplicitIsRelativeToTheFirstRealToken) {
  const TokenBatch batch(
      at::zeros({2, 4}, torch::kInt64),
      at::tensor({0, 0, 1, 1, 1, 1, 1, 0}).view({2, 4}).to(torch::kBool));
  const auto x = at::zeros({2, 4, 2});
  EXPECT_THAT(select(Selection::at({0}, {1}), x, &batch), ElementsAre(5, 9));
  EXPECT_THAT(select(Selection::at({-1}, {0}), x, &batch), ElementsAre(6, 12));
}

TEST(SelectionTest, ExplicitStepsOverHolesInTheMask) {
  const TokenBatch batch(
      at::zeros({1, 4}, torch::kInt64),
      at::tensor({1, 0, 1, 1}).view({1, 4}).to(torch::kBool));
  EXPECT_THAT(
      select(Selection::at({0, 1}, {0}), at::zeros({1, 4, 2}), &batch),
      ElementsAre(0, 4));
}

TEST(SelectionTest, OutOfRangeThrowsAndNamesTheSite) {
  const auto x = at::zeros({1, 3, 4});
  EXPECT_THROW(select(Selection::at({3}, {0}), x), ShapeError);
  EXPECT_THROW(select(Selection::at({-4}, {0}), x), ShapeError);
  EXPECT_THROW(select(Selection::at({0}, {4}), x), ShapeError);
  try {
    select(Selection::at({3}, {0}), x);
  } catch (const ShapeError& error) {
    EXPECT_THAT(
        error.what(), HasSubstr("[blocks.3.resid_post] position 3 is outside"));
  }
}

TEST(SelectionTest, PositionsBeyondAShortRowThrowUnderPadding) {
  const TokenBatch batch(
      at::zeros({1, 3}, torch::kInt64),
      at::tensor({0, 1, 1}).view({1, 3}).to(torch::kBool));
  EXPECT_THROW(
      select(Selection::at({2}, {0}), at::zeros({1, 3, 4}), &batch),
      ShapeError);
}

TEST(SelectionTest, CriterionNeedsBothThresholdsStrictly) {
  auto x = at::full({1, 4, 4}, 0.1);
  x[0][1][2] = 100.0; // not above the magnitude
  x[0][2][3] = -100.5;
  const Selection massive{
      .kind = SelectionKind::kCriterion, .magnitude = 100, .ratio = 1000};
  EXPECT_THAT(select(massive, x), ElementsAre(11));
  const Selection strict{
      .kind = SelectionKind::kCriterion, .magnitude = 100, .ratio = 1006};
  EXPECT_THAT(select(strict, x), IsEmpty());
}

TEST(SelectionTest, CriterionMayBeRestrictedToDims) {
  auto x = at::full({1, 4, 4}, 0.1);
  x[0][1][2] = 500;
  x[0][2][3] = 500;
  EXPECT_THAT(
      select({.kind = SelectionKind::kCriterion, .dims = {3}}, x),
      ElementsAre(11));
}

TEST(SelectionTest, TopKTakesTheLargestMagnitudesAndTheLowestIndexOfATie) {
  const auto x = at::tensor({1.0, -7.0, 3.0, 7.0, 7.0, 0.0}).view({1, 2, 3});
  EXPECT_THAT(
      select({.kind = SelectionKind::kTopK, .count = 2}, x), ElementsAre(1, 3));
}

TEST(SelectionTest, MedianMagnitudeTakesTheClosestAndTheLowestIndexOfATie) {
  // |x| sorted: 1 2 3 4 6 9; lower median 3; distances of x in order: 6 0 1 1 3
  // 2
  const auto x = at::tensor({9.0, -3.0, 2.0, 4.0, 6.0, 1.0}).view({1, 2, 3});
  EXPECT_THAT(
      select({.kind = SelectionKind::kMedianMagnitude, .count = 1}, x),
      ElementsAre(1));
  EXPECT_THAT(
      select({.kind = SelectionKind::kMedianMagnitude, .count = 2}, x),
      ElementsAre(1, 2));
  EXPECT_THAT(
      select({.kind = SelectionKind::kMedianMagnitude, .count = 4}, x),
      ElementsAre(1, 2, 3, 5));
}

TEST(SelectionTest, RandomDrawsDifferentEntriesByTheSeed) {
  const auto x = at::zeros({2, 8, 16});
  const Selection one{.kind = SelectionKind::kRandom, .count = 5, .seed = 1};
  const Selection two{.kind = SelectionKind::kRandom, .count = 5, .seed = 2};
  const auto drawn = select(one, x);
  EXPECT_EQ(std::set<std::int64_t>(drawn.begin(), drawn.end()).size(), 10U);
  EXPECT_EQ(drawn, select(one, x));
  EXPECT_NE(drawn, select(two, x));
  EXPECT_EQ(drawn[0] + 128, drawn[5])
      << "rows of one length get the same entries";
}

TEST(SelectionTest, RandomDrawsEveryEntryAboutEquallyOften) {
  const auto x = at::zeros({1, 2, 5});
  std::vector<int> hits(10, 0);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    for (const auto index : select(
             {.kind = SelectionKind::kRandom, .count = 3, .seed = seed}, x)) {
      ++hits[static_cast<std::size_t>(index)];
    }
  }
  for (const int count : hits) {
    EXPECT_NEAR(count, 1200, 150); // 5 standard deviations
  }
}

TEST(SelectionTest, EveryKindMayBeConfinedToPositions) {
  // The row's largest entries and its median lie elsewhere.
  const auto x = at::tensor({1., 5., 2., 80., 90., 70., 3., 9., 4.})
                     .view({1, 3, 3}); // [batch, pos, d_model]
  const std::vector<std::int64_t> first = {0};
  EXPECT_THAT(
      select({.kind = SelectionKind::kTopK, .positions = first, .count = 1}, x),
      ElementsAre(1));
  EXPECT_THAT(
      select(
          {.kind = SelectionKind::kMedianMagnitude,
           .positions = first,
           .count = 1},
          x),
      ElementsAre(2));
  EXPECT_THAT(
      select(
          {.kind = SelectionKind::kCriterion,
           .positions = {0, 2},
           .magnitude = 1,
           .ratio = 2},
          x), // the median of these six is 3
      ElementsAre(7));
  for (const auto index : select(
           {.kind = SelectionKind::kRandom, .positions = {-1}, .count = 2},
           x)) {
    EXPECT_GE(index, 6);
  }
}

TEST(SelectionTest, CountBeyondARowThrows) {
  const auto x = at::zeros({1, 2, 3});
  for (const auto kind :
       {SelectionKind::kTopK,
        SelectionKind::kMedianMagnitude,
        SelectionKind::kRandom}) {
    EXPECT_EQ(select({.kind = kind, .count = 6}, x).size(), 6U);
    EXPECT_THROW(select({.kind = kind, .count = 7}, x), ShapeError);
  }
}

TEST(SelectionTest, FieldsOfAnotherKindAreErrors) {
  const auto x = at::zeros({1, 2, 3});
  EXPECT_THROW(
      select({.kind = SelectionKind::kExplicit, .count = 1}, x), ConfigError);
  EXPECT_THROW(
      select({.kind = SelectionKind::kCriterion, .magnitude = -1}, x),
      ConfigError);
  EXPECT_THROW(select({.kind = SelectionKind::kTopK}, x), ConfigError);
  EXPECT_THROW(
      select({.kind = SelectionKind::kRandom, .dims = {0}, .count = 1}, x),
      ConfigError);
}

TEST(SelectionTest, SitesWithoutPositionsAreErrors) {
  EXPECT_THROW(
      select_entries(
          {}, at::zeros({1, 2, 3, 3}), make_site("blocks.0.attn.pattern")),
      ShapeError);
}

TEST(SelectionTest, HeadsCountAsOneDim) {
  const auto x = at::zeros({1, 2, 3, 4});
  const auto indices =
      select_entries(Selection::at({1}, {7}), x, make_site("blocks.0.attn.q"));
  EXPECT_EQ(indices.item<std::int64_t>(), 12 + 7);
}

TEST(SelectionTest, ARowSelectsTheSameAloneAndInABatch) {
  const auto x = spiky_rows(4, 6, 8);
  for (const Selection& selection : all_kinds()) {
    Indices one_by_one;
    for (std::int64_t row = 0; row < 4; ++row) {
      for (const auto index : select(selection, x.narrow(0, row, 1))) {
        one_by_one.push_back(row * 48 + index);
      }
    }
    EXPECT_EQ(select(selection, x), one_by_one) << describe(selection);
  }
}

/// Rows padded to 9 columns: `left` columns of 1e6 before the 6 real tokens,
/// the rest after.
void expect_same_under_padding(const Selection& selection, std::int64_t left) {
  const auto x = spiky_rows(4, 6, 8);
  auto padded = at::full({4, 9, 8}, 1e6, torch::kFloat32);
  padded.narrow(/*dim=*/1, left, 6).copy_(x);
  auto mask = at::zeros({4, 9}, torch::kBool);
  mask.narrow(/*dim=*/1, left, 6).fill_(true);
  const TokenBatch batch(at::zeros({4, 9}, torch::kInt64), mask);
  Indices expected;
  for (const auto index : select(selection, x)) {
    expected.push_back(index / 48 * 72 + left * 8 + index % 48);
  }
  EXPECT_EQ(select(selection, padded, &batch), expected)
      << describe(selection) << ", left padding " << left;
}

TEST(SelectionTest, PaddingChangesNothing) {
  for (const Selection& selection : all_kinds()) {
    expect_same_under_padding(selection, 3);
    expect_same_under_padding(selection, 0);
    expect_same_under_padding(selection, 1);
  }
}

TEST(SelectionTest, OnlyPositionsFromTheFrontArePrefixStable) {
  EXPECT_TRUE(is_prefix_stable(Selection::at({0, 5}, {3})));
  EXPECT_TRUE(is_prefix_stable(Selection::at({}, {3})));
  EXPECT_FALSE(is_prefix_stable(Selection::at({0, -1}, {3})));
  EXPECT_FALSE(is_prefix_stable({.kind = SelectionKind::kCriterion}));
}

TEST(SelectionTest, DescribesItselfInOneLine) {
  EXPECT_EQ(describe(Selection::at({0}, {507})), "positions [0] x dims [507]");
  EXPECT_EQ(describe(Selection{}), "all positions x all dims");
  EXPECT_EQ(
      describe({.kind = SelectionKind::kCriterion, .dims = {1415, 2533}}),
      "|x| > 100 and > 1000 x median at dims [1415, 2533]");
  EXPECT_EQ(
      describe({.kind = SelectionKind::kRandom, .count = 2, .seed = 5}),
      "2 of each row at random (seed 5)");
}

TEST(SelectionTest, KindsHaveNamesThatReadBack) {
  for (const auto* name :
       {"explicit", "criterion", "top_k", "median_magnitude", "random"}) {
    EXPECT_EQ(
        selection_kind_name(parse_selection_kind(name, "x.yaml:1")), name);
  }
  EXPECT_THROW(parse_selection_kind("topk", "x.yaml:1"), UnknownNameError);
}

} // namespace
} // namespace ma
