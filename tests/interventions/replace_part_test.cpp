#include "libma/interventions/replace_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/token_marks.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kPos = 6;

torch::Tensor flags(const std::vector<int>& values, std::int64_t rows = 1) {
  return at::tensor(values).to(torch::kBool).view({rows, -1});
}

/// A stream of ones with 500 at (row 0, token 1) and (row 1, tokens 0 and 3).
torch::Tensor stream() {
  auto x = at::ones({2, kPos, 4});
  x.index_put_({0, 1, 2}, 500);
  x.index_put_({1, 0, 2}, -500);
  x.index_put_({1, 3, 1}, 500);
  return x;
}

Selection large() {
  Selection select{.kind = SelectionKind::kCriterion};
  select.magnitude = 100;
  select.ratio = 100;
  return select;
}

PartReplacement replacement(const torch::Tensor& constants = {}) {
  return {
      .select = large(),
      .marked_after = 0,
      .layers = {1},
      .constants = constants};
}

TEST(TokenMarksTest, TokensWithASelectedEntryAreMarkedOnce) {
  auto x = stream();
  x.index_put_({0, 1, 0}, 600);
  const auto found =
      selected_tokens(large(), x, make_site("blocks.0.resid_post"));
  EXPECT_TRUE(found.equal(flags({0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0}, 2)));
}

TEST(TokenMarksTest, PositionsCountFromTheFirstRealToken) {
  const TokenBatch batch(
      at::zeros({2, 4}, torch::kInt64), flags({0, 1, 1, 1, 1, 1, 1, 0}, 2));
  EXPECT_TRUE(tokens_at({0, -1}, batch, "test")
                  .equal(flags({0, 1, 0, 1, 1, 0, 1, 0}, 2)));
  EXPECT_THROW(tokens_at({3}, batch, "test"), ShapeError);
}

TEST(TokenMarksTest, QueriesComeAfterTheFirstMemberAndAreNone) {
  EXPECT_TRUE(queries_after(flags({0, 1, 0, 0, 1, 0}))
                  .equal(flags({0, 0, 1, 1, 0, 1})));
  EXPECT_TRUE(queries_after(flags({0, 0, 0})).equal(flags({0, 0, 0})));
  const TokenBatch padded(
      at::zeros({1, 4}, torch::kInt64), flags({1, 1, 1, 0}));
  EXPECT_TRUE(
      queries_after(flags({1, 0, 0, 0}), &padded).equal(flags({0, 1, 1, 0})));
}

TEST(TokenMarksTest, BranchesOfATokenTreeSeeTheirOwnMembersAlone) {
  TokenBatch tree(at::zeros({1, 4}, torch::kInt64)); // 0 - 1, 0 - 2 - 3
  tree.visible =
      flags({1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1}).view({1, 4, 4});
  EXPECT_TRUE(
      queries_after(flags({0, 1, 0, 0}), &tree).equal(flags({0, 0, 0, 0})));
  EXPECT_TRUE(
      queries_after(flags({0, 0, 1, 0}), &tree).equal(flags({0, 0, 0, 1})));
  tree.visible = at::ones({1, 4, 9}, torch::kBool);
  EXPECT_THROW(queries_after(flags({1, 0, 0, 0}), &tree), ShapeError);
}

TEST(TokenMarksTest, RandomOthersAreAsManyAndNeverMembersOrLast) {
  const auto members = flags({1, 0, 0, 1, 0, 0, 0, 0});
  std::vector<std::int64_t> hits(8);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto found = random_other_tokens(members, nullptr, seed, "test");
    EXPECT_EQ(found.sum().item<std::int64_t>(), 2);
    for (std::int64_t i = 0; i < 8; ++i) {
      hits[static_cast<std::size_t>(i)] += found[0][i].item<bool>() ? 1 : 0;
    }
  }
  EXPECT_EQ(hits[0] + hits[3] + hits[7], 0);
  for (const std::size_t other : {1U, 2U, 4U, 5U, 6U}) {
    EXPECT_NEAR(static_cast<double>(hits[other]), 120, 40); // 300 * 2 / 5
  }
  EXPECT_THROW(
      random_other_tokens(flags({1, 1, 0, 0}), nullptr, 0, "test"), ShapeError);
}

TEST(TokenMarksTest, RandomOthersDependOnTheRowAlone) {
  const auto ids = at::arange(20).view({2, 10});
  const TokenBatch both(ids);
  const auto members = flags({1, 0, 0, 0, 0, 0, 0, 0, 0, 0}).expand({2, 10});
  const auto found = random_other_tokens(members, &both, 5, "test");
  const TokenBatch alone(ids[1]);
  EXPECT_TRUE(random_other_tokens(members.slice(0, 1), &alone, 5, "test")
                  .equal(found.slice(0, 1)));
  const TokenBatch padded(
      at::constant_pad_nd(ids.slice(0, 1), {3, 1}),
      flags({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}));
  EXPECT_TRUE(
      random_other_tokens(
          at::constant_pad_nd(members.slice(0, 1), {3, 1}), &padded, 5, "test")
          .slice(1, 3, 13)
          .equal(found.slice(0, 1)));
  std::int64_t different = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto drawn = random_other_tokens(members, &both, seed, "test");
    different += drawn[0].equal(drawn[1]) ? 0 : 1;
  }
  EXPECT_GT(different, 0) << "rows with other ids draw for themselves";
}

TEST(ReplacePartTest, DropsKeysAndAddsTheConstantForQueriesBehindThem) {
  const auto constants = at::arange(12, torch::kFloat32).view({2, 3, 2});
  const auto edits = replace_part(replacement(constants));
  ASSERT_EQ(edits.size(), 3U);
  EXPECT_EQ(edits[0].site(), "blocks.0.resid_post");
  EXPECT_EQ(edits[1].site(), "blocks.1.attn.pattern");
  EXPECT_EQ(edits[2].site(), "blocks.1.attn.z");
  const auto x = stream();
  EXPECT_TRUE(edits[0](x, make_site(edits[0].site())).is_same(x));
  EXPECT_EQ(edits[0].stats().edited, 3);

  const auto pattern = at::rand({2, 3, kPos, kPos});
  auto dropped = pattern.clone();
  for (std::int64_t query = 2; query < kPos; ++query) {
    dropped[0].select(1, query).select(1, 1).zero_();
  }
  for (const std::int64_t query : {1, 2, 4, 5}) {
    dropped[1].select(1, query).select(1, 0).zero_();
    dropped[1].select(1, query).select(1, 3).zero_();
  }
  EXPECT_TRUE(edits[1](pattern, make_site(edits[1].site())).equal(dropped));
  // Three heads; row 0: 4 queries x 1 member, row 1: 4 x 2.
  EXPECT_EQ(edits[1].stats().edited, 36);

  const auto z = at::rand({2, kPos, 3, 2});
  auto added = z.clone();
  added[0].slice(0, 2) += constants[1];
  for (const std::int64_t query : {1, 2, 4, 5}) {
    added[1][query] += constants[1];
  }
  EXPECT_TRUE(edits[2](z, make_site(edits[2].site())).equal(added));
  EXPECT_EQ(edits[2].stats().edited, 8 * 6);
  EXPECT_EQ(
      edits[2](z.to(torch::kBFloat16), make_site(edits[2].site()))
          .scalar_type(),
      torch::kBFloat16);
}

TEST(ReplacePartTest, OthersAreEditedInPlaceOfTheSelected) {
  auto options = replacement();
  options.others = 7;
  const auto edits = replace_part(options);
  EXPECT_FALSE(is_prefix_stable(edits[1].options().select));
  edits[0](stream(), make_site(edits[0].site()));
  const auto pattern = at::ones({2, 1, kPos, kPos});
  const auto kept = edits[1](pattern, make_site(edits[1].site()));
  const auto dropped = kept.eq(0).squeeze(1); // [batch, query, key]
  EXPECT_EQ(dropped.any(1).sum().item<std::int64_t>(), 3);
  EXPECT_FALSE(dropped[0].select(1, 1).any().item<bool>());
  EXPECT_FALSE(dropped[0].select(0, 1).any().item<bool>());
  EXPECT_FALSE(dropped[1].select(0, 3).any().item<bool>())
      << "massive tokens are no queries";
}

TEST(ReplacePartTest, APassWithoutMarksIsAnError) {
  const auto edits = replace_part(replacement());
  const auto site = make_site(edits[1].site());
  EXPECT_THROW(edits[1](at::ones({2, 1, kPos, kPos}), site), ShapeError);
  edits[0](stream(), make_site(edits[0].site()));
  EXPECT_NO_THROW(edits[1](at::ones({2, 1, kPos, kPos}), site));
  EXPECT_THROW(edits[1](at::ones({1, 1, kPos, kPos}), site), ShapeError);
}

TEST(ReplacePartTest, OptionsThatDoNotFitAreErrors) {
  const auto throws = [](const PartReplacement& options) {
    EXPECT_THROW(replace_part(options), ConfigError);
  };
  auto options = replacement();
  options.layers = {};
  throws(options);
  options.layers = {1, 0};
  throws(options);
  options = replacement(at::zeros({1, 3, 2}));
  throws(options);
  options.constants = at::zeros({2, 6});
  throws(options);
  options.constants = at::full({2, 3, 2}, NAN);
  throws(options);
  options.constants = at::zeros({2, 3, 2}, torch::kInt64);
  throws(options);
  options = replacement(at::zeros({2, 3, 2}));
  const auto edits = replace_part(options);
  edits[0](stream(), make_site(edits[0].site()));
  EXPECT_THROW(
      edits[2](at::zeros({2, kPos, 2, 2}), make_site(edits[2].site())),
      ShapeError);
}

} // namespace
} // namespace ma
