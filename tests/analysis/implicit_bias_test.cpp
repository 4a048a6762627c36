#include "libma/analysis/implicit_bias.h"

#include <cmath>

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/analysis/implicit_bias_tables.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kHeads = 4;
constexpr std::int64_t kKvHeads = 2;
constexpr std::int64_t kDim = 3;

torch::Tensor noise(
    at::IntArrayRef sizes,
    std::uint64_t seed,
    torch::ScalarType dtype = torch::kFloat64) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), dtype);
}

/// Causal attention of `batch` random sequences.
AttentionState random_state(
    std::int64_t batch,
    std::int64_t pos,
    std::uint64_t seed,
    torch::ScalarType dtype = torch::kFloat64) {
  const auto hidden = at::ones({pos, pos}, torch::kBool).tril().logical_not();
  const auto scores = noise({batch, kHeads, pos, pos}, seed, dtype);
  const auto pattern =
      at::softmax(scores.masked_fill(hidden, -INFINITY), /*dim=*/-1);
  const auto v = noise({batch, pos, kKvHeads, kDim}, seed + 1000, dtype);
  const auto values = v.transpose(1, 2).repeat_interleave(kHeads / kKvHeads, 1);
  return {pattern, v, at::matmul(pattern, values).transpose(1, 2)};
}

/// bool [n, pos], true at `tokens` of each sequence.
torch::Tensor members_at(
    std::int64_t pos, const std::vector<std::vector<std::int64_t>>& tokens) {
  auto members =
      at::zeros({static_cast<std::int64_t>(tokens.size()), pos}, torch::kBool);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    for (const std::int64_t token : tokens[i]) {
      members[static_cast<std::int64_t>(i)][token] = true;
    }
  }
  return members;
}

ImplicitBias bias_of(
    const AttentionState& state,
    const torch::Tensor& members,
    std::int64_t null_sets) {
  ImplicitBiasAccumulator accumulator(1, members, {.null_sets = null_sets});
  accumulator.observe(0, state);
  return accumulator.finish();
}

double largest(const torch::Tensor& x) {
  return x.abs().max().item<double>();
}

TEST(SplitAttentionTest, BothPartsAddUpToZ) {
  for (const auto& [dtype, bound] :
       {std::pair(torch::kFloat64, 1e-9), std::pair(torch::kFloat32, 1e-5)}) {
    const auto state = random_state(3, 9, 1, dtype);
    const auto members = members_at(9, {{0}, {1, 4, 8}, {}});
    const auto parts = split_attention(state.pattern, state.v, members);
    EXPECT_LE(largest(parts.massive + parts.rest - state.z), bound);
    EXPECT_EQ(largest(parts.massive[2]), 0);
    EXPECT_GT(largest(parts.massive[1] - state.z[1]), 0.1);
    EXPECT_EQ(largest(parts.massive[1][0]), 0) << "query 0 sees no member";
    EXPECT_EQ(parts.massive.scalar_type(), dtype);
  }
}

TEST(SplitAttentionTest, ShapesThatDoNotFitAreErrors) {
  const auto state = random_state(2, 5, 1);
  const auto members = members_at(5, {{0}, {0}});
  EXPECT_THROW(
      split_attention(state.pattern, state.v, members_at(6, {{0}, {0}})),
      ShapeError);
  EXPECT_THROW(
      split_attention(state.pattern, state.v.slice(1, 1), members), ShapeError);
  EXPECT_THROW(split_attention(state.pattern[0], state.v, members), ShapeError);
}

TEST(PartSumsTest, AreThoseOfEveryPairAndQuery) {
  const auto state = random_state(1, 8, 5);
  const auto queries = at::ones({2, 8}, torch::kBool);
  queries[1].slice(0, 0, 4).fill_(false);
  const TokenSets sets{at::tensor({0, 2, 3, 1}).view({2, 2}), queries};
  const auto sums = sum_parts(state.pattern[0], state.v[0], sets);
  const std::vector<torch::Tensor> masks = {
      members_at(8, {{0, 2}}), members_at(8, {{1, 3}})};
  for (std::int64_t set = 0; set < 2; ++set) {
    const auto u =
        split_attention(
            state.pattern, state.v, masks[static_cast<std::size_t>(set)])
            .massive[0]
            .slice(0, set * 4)
            .transpose(0, 1); // [head, query, d_head]
    const auto n = u.size(1);
    const auto mean = u.mean(1);
    const auto off = (u - mean.unsqueeze(1)).square().sum(2).mean(1);
    MA_EXPECT_CLOSE(sums.mean()[set], mean);
    MA_EXPECT_CLOSE(sums.variance()[set], off);
    MA_EXPECT_CLOSE(
        sums.dispersion()[set], off.sqrt() / mean.square().sum(1).sqrt());
    const auto unit = u / u.square().sum(2, true).sqrt();
    const auto pairs = at::matmul(unit, unit.transpose(1, 2));
    const auto different = pairs.sum({1, 2}) - n;
    MA_EXPECT_CLOSE(sums.cosine()[set], different / (n * (n - 1)));
  }
}

TEST(PartSumsTest, ZerosHaveNoDirection) {
  const auto state = random_state(1, 6, 2);
  // Query 0 sees token 1 only through a zero of the pattern.
  const TokenSets sets{
      at::ones({1, 1}, torch::kInt64), at::ones({1, 6}, torch::kBool)};
  const auto sums = sum_parts(state.pattern[0], state.v[0], sets);
  EXPECT_EQ(sums.queries[0].item<double>(), 6);
  EXPECT_EQ(sums.directed[0][0].item<double>(), 5);
  EXPECT_NEAR(sums.cosine()[0][0].item<double>(), 1, 1e-12);
}

TEST(ImplicitBiasTest, AttentionOnOneTokenAloneIsAPerfectBias) {
  auto state = random_state(2, 10, 3);
  state.pattern.zero_().select(3, 0).fill_(1);
  state.v.select(1, 0).copy_(state.v[0][0].expand({2, kKvHeads, kDim}));
  state.z = state.v.select(1, 0)
                .repeat_interleave(kHeads / kKvHeads, /*dim=*/1)
                .unsqueeze(1)
                .expand({2, 10, kHeads, kDim});
  const auto bias = bias_of(state, members_at(10, {{0}, {0}}), 0);
  EXPECT_EQ(bias.n_queries, 18);
  for (const HeadBias& head : bias.layers[0].heads) {
    EXPECT_NEAR(head.dispersion, 0, 1e-7);
    EXPECT_NEAR(head.variance, 0, 1e-14);
    EXPECT_NEAR(head.cosine, 1, 1e-12);
    EXPECT_NEAR(head.between_sequences, 1, 1e-12);
    EXPECT_NEAR(head.share, 1, 1e-12);
    EXPECT_NEAR(head.probability, 1, 1e-12);
    EXPECT_TRUE(std::isnan(head.p_dispersion));
  }
  MA_EXPECT_CLOSE(bias.constants[0], state.z[0][0]);
  EXPECT_FALSE(bias.other_constants.defined());
}

TEST(ImplicitBiasTest, AHalvedProbabilityHasAKnownDispersion) {
  // p is 1 for half of the queries and 0 for the others: u is v or 0, its mean
  // v / 2, its distance from it ||v|| / 2.
  auto state = random_state(1, 9, 3);
  state.pattern.zero_().select(3, 0).slice(2, 1, 5).fill_(1);
  const auto bias = bias_of(state, members_at(9, {{0}}), 0);
  const HeadBias& head = bias.layers[0].heads[1];
  EXPECT_NEAR(head.dispersion, 1, 1e-12);
  EXPECT_NEAR(head.sequence_dispersion.mean, 1, 1e-12);
  EXPECT_NEAR(head.probability, 0.5, 1e-12);
  EXPECT_NEAR(bias.layers[0].dispersion, 1, 1e-12);
}

TEST(ImplicitBiasTest, AConstantPartBeatsAllRandomSets) {
  auto state = random_state(3, 24, 7);
  state.pattern.mul_(0.5).select(3, 0).fill_(0.5);
  state.v.select(1, 0).copy_(state.v[0][0].expand({3, kKvHeads, kDim}));
  const auto bias = bias_of(state, members_at(24, {{0}, {0}, {0}}), 50);
  for (const HeadBias& head : bias.layers[0].heads) {
    EXPECT_NEAR(head.dispersion, 0, 1e-7);
    EXPECT_EQ(head.p_dispersion, 0);
    EXPECT_EQ(head.p_cosine, 0);
    EXPECT_EQ(head.null_dispersion.count, 50);
    EXPECT_GT(head.null_dispersion.mean, 0.5);
    EXPECT_LT(head.null_cosine.mean, 0.9);
  }
}

TEST(ImplicitBiasTest, WhereAllTokensAreAlikeAllRandomSetsAreAsConstant) {
  auto state = random_state(2, 12, 7);
  state.pattern.fill_(1.0 / 12);
  state.v.fill_(2);
  const auto bias = bias_of(state, members_at(12, {{1, 3}, {2, 5}}), 40);
  for (const HeadBias& head : bias.layers[0].heads) {
    EXPECT_EQ(head.p_dispersion, 1);
    EXPECT_EQ(head.p_cosine, 1);
    EXPECT_NEAR(head.drain, 1, 1e-12);
  }
  MA_EXPECT_CLOSE(bias.constants, bias.other_constants);
}

TEST(ImplicitBiasTest, OnlyQueriesWhoseWindowReachesAMemberCount) {
  const auto state = random_state(2, 9, 4);
  ImplicitBiasAccumulator accumulator(
      1, members_at(9, {{0}, {0}}), {.null_sets = 0, .windows = {3}});
  accumulator.observe(0, state);
  const auto windowed = accumulator.finish();
  // Queries 1 and 2 see token 0: those of the same sequences, cut behind them.
  const AttentionState cut = {
      state.pattern.slice(2, 0, 3).slice(3, 0, 3),
      state.v.slice(1, 0, 3),
      state.z.slice(1, 0, 3)};
  const auto expected = bias_of(cut, members_at(3, {{0}, {0}}), 0);
  const auto all = bias_of(state, members_at(9, {{0}, {0}}), 0);
  for (std::size_t head = 0; head < kHeads; ++head) {
    const HeadBias& ours = windowed.layers[0].heads[head];
    const HeadBias& theirs = expected.layers[0].heads[head];
    EXPECT_NEAR(ours.dispersion, theirs.dispersion, 1e-12);
    EXPECT_NEAR(ours.cosine, theirs.cosine, 1e-12);
    EXPECT_NEAR(ours.probability, theirs.probability, 1e-12);
    EXPECT_NEAR(ours.share, theirs.share, 1e-12);
    EXPECT_GT(
        std::abs(ours.dispersion - all.layers[0].heads[head].dispersion), 1e-6);
  }
}

TEST(ImplicitBiasTest, RandomMembersAreInTheMidstOfRandomSets) {
  // Members of 40 sequences drawn as the random sets are: p is uniform.
  std::vector<std::vector<std::int64_t>> tokens;
  for (std::int64_t i = 0; i < 40; ++i) {
    tokens.push_back({(7 * i + 3) % 15});
  }
  const auto state = random_state(40, 16, 11);
  const auto bias = bias_of(state, members_at(16, tokens), 99);
  double mean = 0;
  for (const HeadBias& head : bias.layers[0].heads) {
    mean += head.p_dispersion / kHeads;
  }
  EXPECT_GT(mean, 0.02);
  EXPECT_LT(mean, 0.98);
}

TEST(ImplicitBiasTest, TheDrainComparesNormsOfValues) {
  auto state = random_state(2, 6, 1);
  state.v.fill_(4);
  state.v.select(1, 0).fill_(1);
  state.v.index_put_({1, 3}, 3); // the second member
  const auto bias = bias_of(state, members_at(6, {{0}, {0, 3}}), 0);
  EXPECT_EQ(bias.n_members, 3);
  // (1 + 1 + 3) / 3 against 4.
  EXPECT_NEAR(bias.layers[0].heads[3].drain, 5.0 / 12, 1e-12);
}

TEST(ImplicitBiasTest, BatchesAreOneSequenceAfterTheOther) {
  const auto state = random_state(5, 14, 9);
  const auto members = members_at(14, {{0}, {2, 7}, {}, {13}, {1}});
  const auto together = bias_of(state, members, 10);
  ImplicitBiasAccumulator accumulator(1, members, {.null_sets = 10});
  for (std::int64_t i = 0; i < 5; ++i) {
    accumulator.observe(
        0,
        {state.pattern.narrow(0, i, 1),
         state.v.narrow(0, i, 1),
         state.z.narrow(0, i, 1)});
  }
  const auto single = accumulator.finish();
  EXPECT_EQ(together.n_sequences, 3) << "the last token has no query behind";
  EXPECT_EQ(together.n_without, 2);
  EXPECT_EQ(
      bias_constancy_table(together).to_csv(),
      bias_constancy_table(single).to_csv());
  MA_EXPECT_CLOSE(together.constants, single.constants);
}

TEST(ImplicitBiasTest, SeedsDrawOtherSetsAndNothingElse) {
  const auto state = random_state(3, 20, 2);
  const auto members = members_at(20, {{0}, {0}, {4}});
  const auto with_seed = [&](std::uint64_t seed) {
    ImplicitBiasAccumulator accumulator(
        1, members, {.null_sets = 10, .seed = seed});
    accumulator.observe(0, state);
    return accumulator.finish();
  };
  const auto a = with_seed(0);
  const auto b = with_seed(1);
  EXPECT_EQ(a.layers[0].heads[0].dispersion, b.layers[0].heads[0].dispersion);
  EXPECT_NE(
      a.layers[0].heads[0].null_dispersion.mean,
      b.layers[0].heads[0].null_dispersion.mean);
}

TEST(ImplicitBiasTest, TablesHaveARowForEachHeadAndBlock) {
  const auto state = random_state(2, 8, 2);
  const auto members = members_at(8, {{0}, {0}});
  ImplicitBiasAccumulator accumulator(2, members, {.null_sets = 5});
  accumulator.observe(1, state);
  accumulator.observe(0, state);
  const auto bias = accumulator.finish();
  const Table heads = bias_constancy_table(bias);
  ASSERT_EQ(heads.rows().size(), 8U);
  EXPECT_EQ(std::get<std::int64_t>(heads.at(7, "layer (1-based)")), 2);
  EXPECT_EQ(std::get<std::int64_t>(heads.at(7, "head")), 3);
  EXPECT_EQ(
      std::get<double>(heads.at(7, "share")),
      100 * bias.layers[1].heads[3].share);
  const Table layers = bias_layers_table(bias);
  ASSERT_EQ(layers.rows().size(), 2U);
  EXPECT_EQ(
      std::get<double>(layers.at(0, "dispersion, all heads")),
      bias.layers[0].dispersion);
}

TEST(ImplicitBiasTest, WhatDoesNotFitIsAnError) {
  const auto members = members_at(8, {{0}, {0}});
  EXPECT_THROW(
      ImplicitBiasAccumulator(1, members, {.null_sets = -1}), ConfigError);
  EXPECT_THROW(
      ImplicitBiasAccumulator(1, members.to(torch::kInt64)), ShapeError);
  EXPECT_THROW(ImplicitBiasAccumulator(1, members_at(8, {{}, {7}})), ShapeError)
      << "no query comes after a member";
  EXPECT_THROW(ImplicitBiasAccumulator(1, members_at(4, {{0, 1}})), ShapeError)
      << "one other token for sets of two";
  EXPECT_NO_THROW(
      ImplicitBiasAccumulator(1, members_at(4, {{0, 1}}), {.null_sets = 0}));
  ImplicitBiasAccumulator accumulator(1, members);
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(accumulator.observe(1, random_state(2, 8, 1)), ShapeError);
  EXPECT_THROW(accumulator.observe(0, random_state(2, 7, 1)), ShapeError);
  EXPECT_THROW(accumulator.observe(0, random_state(3, 8, 1)), ShapeError);
}

} // namespace
} // namespace ma
