#include "libma/eval/implicit_bias.h"

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/interventions/token_marks.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using testing::random_ids;

/// Token 0 of each sequence.
torch::Tensor first_tokens(const torch::Tensor& ids) {
  auto members = at::zeros_like(ids, torch::kBool);
  members.select(1, 0).fill_(true);
  return members;
}

class ImplicitBiasModelTest : public ::testing::TestWithParam<std::string> {
 protected:
  Model model_ = testing::make_tiny_model(
      testing::tiny_config(GetParam()), {.dtype = torch::kFloat64});
};

TEST_P(ImplicitBiasModelTest, PartsAddUpToZ) {
  auto mask = at::ones({2, 7}, torch::kBool);
  mask[1].narrow(0, 0, 2).zero_(); // padded on the left
  const TokenBatch batch(random_ids(2, 7), mask);
  const auto members = tokens_at({0, 3}, batch, "test");
  const auto cache = model_.run_with_cache(batch, {"blocks.*.attn.z"}).second;
  const auto parts = decompose_attention(model_, batch, {3, 0}, members);
  ASSERT_EQ(parts.size(), 2U);
  MA_EXPECT_CLOSE(parts[0].massive + parts[0].rest, cache["blocks.3.attn.z"]);
  MA_EXPECT_CLOSE(parts[1].massive + parts[1].rest, cache["blocks.0.attn.z"]);
  EXPECT_GT(parts[1].massive.abs().max().item<double>(), 0);
}

TEST_P(ImplicitBiasModelTest, TheConstantOfASingleQueryChangesNothing) {
  const auto ids = random_ids(1, 2);
  const auto bias =
      implicit_bias(model_, ids, first_tokens(ids), {.bias = {.null_sets = 0}});
  EXPECT_EQ(bias.n_queries, 1);
  const MassiveTokens tokens{.select = Selection::at({0}, {}), .block = 0};
  ConditionRunner runner(model_, bias_conditions(bias, tokens, {1, 2, 3}));
  ASSERT_EQ(runner.conditions().size(), 3U);
  std::vector<torch::Tensor> streams(3);
  runner.run(ids, [&](std::size_t i, const torch::Tensor& x) {
    streams[i] = x.clone();
  });
  EXPECT_LE(testing::difference(streams[1], streams[0]), 1e-9);
  EXPECT_GT(testing::difference(streams[2], streams[0]), 1e-6);
  for (const EditEffect& effect : runner.effects(1)) {
    EXPECT_GT(effect.edited, 0);
  }
}

TEST_P(ImplicitBiasModelTest, ConstantsPassTheOutputProjection) {
  const auto& config = model_.config();
  const auto z = random_ids(3, config.n_heads * config.d_head)
                     .to(torch::kFloat64)
                     .view({3, config.n_heads, config.d_head})
                     .sub(30) /
                 30;
  const auto projected = project_to_attn_out(model_, 2, z);
  const bool is_normed = model_.hooks().has("blocks.2.ln1_post.scale");
  ASSERT_EQ(projected.defined(), !is_normed);
  if (is_normed) {
    EXPECT_FALSE(
        project_to_attn_out(model_, z.slice(0, 0, 1).expand({4, -1, -1}))
            .defined());
    return;
  }
  const TokenBatch batch(random_ids(1, 3));
  const auto plain = model_.run_with_cache(batch, {"blocks.2.attn_out"}).second;
  const auto add = model_.add_hook(
      "blocks.2.attn.z",
      [&](const torch::Tensor& x, const HookSite&) { return x + z; });
  const auto added = model_.run_with_cache(batch, {"blocks.2.attn_out"}).second;
  const auto difference =
      added["blocks.2.attn_out"] - plain["blocks.2.attn_out"];
  EXPECT_LE(testing::difference(projected, difference[0]), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    ImplicitBiasModelTest,
    ::testing::ValuesIn(testing::architectures()));

class LlamaBiasTest : public ::testing::Test {
 protected:
  Model model_ = testing::make_tiny_model(testing::tiny_config("llama"));

  /// Plants 5000 at dim 3 of token 1 after block 1.
  HookHandle plant() {
    return model_.add_hook(
        "blocks.1.resid_post", [](const torch::Tensor& x, const HookSite&) {
          auto y = x.clone();
          y.select(1, 1).select(1, 3).fill_(5000);
          return y;
        });
  }
};

TEST_F(LlamaBiasTest, FindsTheTokensThatMeetTheCriterion) {
  const auto handle = plant();
  std::int64_t calls = 0;
  const auto count = model_.add_hook(
      "blocks.3.resid_post", [&](const torch::Tensor& x, const HookSite&) {
        ++calls;
        return x;
      });
  Selection select{.kind = SelectionKind::kCriterion};
  select.dims = {3};
  const auto ids = random_ids(5, 9);
  const auto found = find_massive_tokens(
      model_, ids, {.select = select, .block = 1}, {.tokens_per_pass = 18});
  EXPECT_EQ(found.sum().item<std::int64_t>(), 5);
  EXPECT_TRUE(found.select(1, 1).all().item<bool>());
  EXPECT_EQ(calls, 0) << "later blocks need not run";
  EXPECT_THROW(
      find_massive_tokens(model_, ids, {.select = select, .block = 4}),
      ConfigError);
}

TEST_F(LlamaBiasTest, BatchesChangeNothing) {
  const auto ids = random_ids(6, 12);
  const auto members = first_tokens(ids);
  const auto one = implicit_bias(
      model_, ids, members, {.bias = {.null_sets = 10}, .tokens_per_pass = 12});
  const auto all =
      implicit_bias(model_, ids, members, {.bias = {.null_sets = 10}});
  MA_EXPECT_CLOSE(
      one.constants.to(torch::kFloat32), all.constants.to(torch::kFloat32));
  for (std::size_t layer = 0; layer < one.layers.size(); ++layer) {
    for (std::size_t h = 0; h < one.layers[layer].heads.size(); ++h) {
      const HeadBias& a = one.layers[layer].heads[h];
      const HeadBias& b = all.layers[layer].heads[h];
      EXPECT_NEAR(a.dispersion, b.dispersion, 1e-5);
      EXPECT_NEAR(a.null_dispersion.mean, b.null_dispersion.mean, 1e-4);
      EXPECT_NEAR(a.cosine, b.cosine, 1e-5);
    }
  }
}

TEST_F(LlamaBiasTest, EditsFollowTheTokensOfEachRow) {
  const auto handle = plant();
  const auto ids = random_ids(2, 8);
  Selection select{.kind = SelectionKind::kCriterion};
  select.dims = {3};
  const MassiveTokens tokens{.select = select, .block = 1};
  const auto members = find_massive_tokens(model_, ids, tokens);
  const auto bias = implicit_bias(
      model_, ids, members, {.bias = {.null_sets = 5, .seed = 3}});
  ConditionRunner runner(model_, bias_conditions(bias, tokens, {2}));
  std::vector<torch::Tensor> patterns;
  std::vector<std::string> names;
  for (const Condition& condition : runner.conditions()) {
    names.push_back(condition.name);
    std::vector<HookHandle> handles;
    for (const Intervention& edit : condition.edits) {
      handles.push_back(model_.add_hook(edit.site(), edit));
    }
    patterns.push_back(model_.run_with_cache(ids, {"blocks.2.attn.pattern"})
                           .second["blocks.2.attn.pattern"]);
  }
  EXPECT_THAT(names, ElementsAre("original", "constant", "removed", "control"));
  auto expected = patterns[0].clone();
  expected.slice(2, 2).select(3, 1).zero_();
  EXPECT_TRUE(patterns[1].equal(expected));
  EXPECT_TRUE(patterns[2].equal(expected));
  EXPECT_TRUE(patterns[3].select(3, 1).equal(patterns[0].select(3, 1)));
  EXPECT_FALSE(patterns[3].equal(patterns[0]));
}

TEST_F(LlamaBiasTest, WhatDoesNotFitIsAnError) {
  const auto ids = random_ids(2, 8);
  EXPECT_THROW(
      implicit_bias(model_, ids, first_tokens(random_ids(2, 7))), ShapeError);
  EXPECT_THROW(
      decompose_attention(model_, ids, {4}, first_tokens(ids)), ConfigError);
  EXPECT_THROW(
      decompose_attention(model_, ids, {1}, first_tokens(random_ids(1, 8))),
      ShapeError);
  EXPECT_THROW(
      project_to_attn_out(model_, 1, at::zeros({1, 2, 3})), ShapeError);
}

} // namespace
} // namespace ma
