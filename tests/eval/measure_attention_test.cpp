#include "libma/eval/measure_attention.h"

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/eval/norm_trajectory.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

/// Four blocks, grouped heads.
class MeasureAttentionTest : public ::testing::Test {
 protected:
  AttentionSinks measure(MeasureSinksOptions options = {}) const {
    options.classify_tokens = false;
    options.sinks.eps = {0.1, 0.3};
    return measure_attention_sinks(model_, sequences_, tokens_, options);
  }

  Model model_ = testing::make_tiny_model(testing::tiny_config("llama"));
  torch::Tensor sequences_ = testing::random_ids(5, 40);
  MassiveTokens tokens_ = {
      .select = {.kind = SelectionKind::kTopK, .count = 1}, .block = 1};
};

TEST_F(MeasureAttentionTest, SequencesTogetherAreWhatTheyAreOneByOne) {
  const auto at_once = measure({.scores = true});
  const auto one_by_one = measure({.scores = true, .tokens_per_pass = 1});
  EXPECT_EQ(at_once.n_sequences, 5);
  EXPECT_EQ(at_once.n_massive, 5);
  EXPECT_EQ(one_by_one.n_massive, 5);
  for (const auto part :
       {&AttentionSinks::first,
        &AttentionSinks::massive,
        &AttentionSinks::largest,
        &AttentionSinks::entropy,
        &AttentionSinks::massive_score,
        &AttentionSinks::other_score}) {
    EXPECT_LE(
        testing::difference(at_once.*part, one_by_one.*part),
        testing::tolerance(torch::kFloat32));
  }
}

TEST_F(MeasureAttentionTest, OnlyTheAskedBlocksTakeTheExplicitPath) {
  const auto all = measure();
  MeasureSinksOptions options{.layers = {2, 0}};
  options.progress = [&](const Progress&) {
    EXPECT_FALSE(model_.hooks().point(block_site(1, "attn.pattern")).active());
    EXPECT_TRUE(model_.hooks().point(block_site(2, "attn.pattern")).active());
  };
  const auto some = measure(options);
  EXPECT_THAT(some.layers, ElementsAre(0, 2));
  EXPECT_LE(
      testing::difference(some.entropy[1], all.entropy[2]),
      testing::tolerance(torch::kFloat32));
  EXPECT_FALSE(model_.hooks().any_active());
}

TEST_F(MeasureAttentionTest, TokensMayBecomeMassiveBehindTheBlocks) {
  tokens_.block = 3; // blocks before it are looked at first
  const auto found = measure({.layers = {0}});
  const auto all = measure();
  EXPECT_LE(
      testing::difference(found.massive[0], all.massive[0]),
      testing::tolerance(torch::kFloat32));
}

TEST_F(MeasureAttentionTest, MapsLookAroundTheBlock) {
  EXPECT_THAT(blocks_around(tokens_, 4), ElementsAre(1, 2, 3));
  tokens_.block = 3;
  EXPECT_THAT(blocks_around(tokens_, 4), ElementsAre(3));
  tokens_.block = 2;
  EXPECT_THAT(blocks_around(tokens_, 4), ElementsAre(2, 3));
}

TEST_F(MeasureAttentionTest, WhatIsNotThereIsAnError) {
  EXPECT_THROW(measure({.layers = {4}}), ConfigError);
  EXPECT_THROW(attention_maps(model_, sequences_, tokens_), ShapeError);
  EXPECT_THROW(
      attention_maps(model_, sequences_[0], tokens_, {-1}), ConfigError);
  EXPECT_THROW(norm_trajectory(model_, sequences_[0], tokens_, 4), ConfigError);
  EXPECT_THROW(norm_trajectory(model_, sequences_, tokens_), ShapeError);
  const auto behind = testing::make_tiny_model(testing::tiny_config("olmo2"));
  EXPECT_THROW(norm_trajectory(behind, sequences_[0], tokens_), ConfigError);
  tokens_.block = 4;
  EXPECT_THROW(measure(), ConfigError);
}

TEST_F(MeasureAttentionTest, TrajectoriesRunNoMoreBlocksThanTheyNeed) {
  const auto forbid = model_.add_hook(
      "blocks.3.resid_pre", [](const torch::Tensor& x, const HookSite&) {
        ADD_FAILURE() << "block 3 runs";
        return x;
      });
  const auto found =
      trajectory_groups(model_, sequences_, tokens_, {.tokens_per_pass = 50});
  EXPECT_EQ(found.layer, 2);
  EXPECT_EQ(found.n_sequences, 5);
  EXPECT_EQ(found.massive.n_tokens, 5);
  EXPECT_EQ(found.other.n_tokens, 195);
}

TEST(RandomSequencesTest, AreTheSameForASeedAndRepeatWhereAsked) {
  const auto drawn = random_sequences(50, {3, 64}, /*is_repeated=*/false, 7);
  EXPECT_TRUE(drawn.equal(random_sequences(50, {3, 64}, false, 7)));
  EXPECT_FALSE(drawn.equal(random_sequences(50, {3, 64}, false, 8)));
  EXPECT_FALSE(drawn[0].equal(drawn[1]));
  EXPECT_GE(drawn.min().item<std::int64_t>(), 0);
  EXPECT_LT(drawn.max().item<std::int64_t>(), 50);
  const auto repeated = random_sequences(50, {3, 64}, true, 7);
  EXPECT_TRUE(
      repeated.equal(repeated.select(1, 0).unsqueeze(1).expand({3, 64})));
  EXPECT_THROW(random_sequences(0, {3, 64}, true, 7), ShapeError);
}

} // namespace
} // namespace ma
