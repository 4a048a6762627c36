#include "libma/interventions/composed.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/interventions/intervention_yaml.h"

namespace ma {
namespace {

constexpr const char* kEarly = "blocks.0.resid_post";
constexpr const char* kLate = "blocks.2.resid_post";

HookSite site_at(const std::string& name, const TokenBatch* batch = nullptr) {
  HookSite site;
  site.name = name;
  site.layer = name[7] - '0';
  site.shape = "[batch, pos, d_model]";
  site.batch = batch;
  return site;
}

Intervention zero(const Selection& select) {
  return make_intervention(
      "set_value", {.site = kEarly, .select = select, .value = 0});
}

/// [batch, pos, d_model] = [2, 3, 4], entries 1 to 24.
torch::Tensor counting() {
  return at::arange(1, 25, torch::kFloat32).view({2, 3, 4});
}

TEST(WithRestoreTest, CancelsToTheBitAtOneSite) {
  const auto x = at::randn({2, 3, 4});
  const auto pair = with_restore(zero(Selection::at({0}, {1, 3})), kEarly);
  const auto edited = pair[0](x, site_at(kEarly));
  EXPECT_FALSE(at::equal(edited, x));
  EXPECT_TRUE(at::equal(pair[1](edited, site_at(kEarly)), x));
  EXPECT_EQ(pair[0].stats().edited, 4);
  EXPECT_EQ(pair[1].stats().edited, 4);
}

TEST(WithRestoreTest, PutsBackEachSequencesOwnValueInAnotherActivation) {
  const auto x = counting();
  const auto pair = with_restore(zero(Selection::at({1}, {2})), kLate);
  pair[0](x, site_at(kEarly));
  const auto later = at::full({2, 3, 4}, -5.0F);
  const auto restored = pair[1](later, site_at(kLate));
  auto expected = later.clone();
  expected[0][1][2] = x[0][1][2];
  expected[1][1][2] = x[1][1][2];
  EXPECT_TRUE(at::equal(restored, expected));
}

TEST(WithRestoreTest, RemembersEntriesThatTheEditMakesUnselectable) {
  const auto x = counting();
  Selection largest{.kind = SelectionKind::kTopK};
  largest.count = 1;
  const auto pair = with_restore(zero(largest), kLate);
  const auto edited = pair[0](x, site_at(kEarly));
  EXPECT_TRUE(at::equal(pair[1](edited, site_at(kLate)), x));
}

TEST(WithRestoreTest, ForgetsAPassOnceItIsRestored) {
  const auto pair = with_restore(zero(Selection::at({0}, {0})), kLate);
  pair[0](counting(), site_at(kEarly));
  pair[1](counting(), site_at(kLate));
  EXPECT_THROW(pair[1](counting(), site_at(kLate)), ConfigError);
}

TEST(WithRestoreTest, KeepsPassesOfThreadsApart) {
  const auto pair = with_restore(zero(Selection::at({0}, {0})), kLate);
  const auto first = counting();
  pair[0](first, site_at(kEarly));
  std::thread([&] {
    const auto other = -counting();
    EXPECT_THROW(pair[1](other, site_at(kLate)), ConfigError);
    const auto edited = pair[0](other, site_at(kEarly));
    EXPECT_TRUE(at::equal(pair[1](edited, site_at(kLate)), other));
  }).join();
  const auto zeros = at::zeros_like(first);
  EXPECT_EQ(
      pair[1](zeros, site_at(kLate))[1][0][0].item<float>(),
      first[1][0][0].item<float>());
}

TEST(WithRestoreTest, LeavesAPassAloneWhoseTokensAreNotThere) {
  // One token that follows 3 cached ones, of which the first was edited.
  TokenBatch batch(at::zeros({1, 1}, torch::kInt64));
  batch.positions = at::full({1, 1}, 3, torch::kInt64);
  const auto pair = with_restore(zero(Selection::at({0}, {0})), kLate);
  const auto x = at::ones({1, 1, 4});
  EXPECT_TRUE(at::equal(pair[0](x, site_at(kEarly, &batch)), x));
  EXPECT_TRUE(at::equal(pair[1](x, site_at(kLate, &batch)), x));
}

TEST(WithRestoreTest, ThrowsWhenTheShapeChanged) {
  const auto pair = with_restore(zero(Selection::at({0}, {0})), kLate);
  pair[0](counting(), site_at(kEarly));
  EXPECT_THROW(pair[1](at::zeros({1, 3, 4}), site_at(kLate)), ShapeError);
}

TEST(WithRestoreTest, RejectsPatterns) {
  EXPECT_THROW(
      with_restore(zero(Selection::at({0}, {0})), "blocks.*.resid_post"),
      ConfigError);
}

TEST(WithRestoreTest, IsNotForFiles) {
  const auto pair = with_restore(zero(Selection::at({0}, {0})), kLate);
  EXPECT_THROW(interventions_to_yaml({pair[1]}), ConfigError);
}

TEST(ExceptAtTest, LeavesOutPositionsOfEachSequence) {
  // The second sequence is padded on the left: its first token is column 1.
  auto mask = at::ones({2, 3}, torch::kBool);
  mask[1][0] = false;
  const TokenBatch batch(at::zeros({2, 3}, torch::kInt64), mask);
  const auto x = counting();
  const auto edit = except_at(zero(Selection::at({}, {1})), {0});
  auto expected = x.clone();
  expected[0].slice(0, 1).select(1, 1).zero_();
  expected[1][2][1] = 0;
  EXPECT_TRUE(at::equal(edit(x, site_at(kEarly, &batch)), expected));
  EXPECT_EQ(edit.stats().edited, 3);
  EXPECT_THAT(edit.describe(), ::testing::HasSubstr("not at positions [0]"));
}

TEST(ExceptAtTest, ReturnsTheActivationWhenNothingIsLeft) {
  const auto x = counting();
  const auto edit = except_at(zero(Selection::at({0}, {1})), {0});
  EXPECT_TRUE(at::equal(edit(x, site_at(kEarly)), x));
  EXPECT_EQ(edit.stats().edited, 0);
}

TEST(ExceptAtTest, RejectsNoPositionsAndNegativeOnes) {
  EXPECT_THROW(except_at(zero(Selection::at({0}, {1})), {}), ConfigError);
  EXPECT_THROW(except_at(zero(Selection::at({0}, {1})), {-1}), ConfigError);
}

} // namespace
} // namespace ma
