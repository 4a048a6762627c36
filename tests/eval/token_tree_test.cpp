#include "libma/eval/token_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ma {
namespace {

using ::testing::ElementsAre;

TEST(TokenTreeTest, HoldsCommonBeginningsOnce) {
  const TokenTree tree = make_tree({{1, 2, 3}, {1, 2, 4, 5}, {1, 2}, {7, 2}});
  EXPECT_THAT(tree.ids, ElementsAre(1, 2, 3, 4, 5, 7, 2));
  EXPECT_THAT(tree.parents, ElementsAre(-1, 0, 1, 1, 3, -1, 5));
  EXPECT_THAT(tree.depths, ElementsAre(0, 1, 2, 2, 3, 0, 1));
  EXPECT_THAT(
      tree.paths,
      ElementsAre(
          ElementsAre(0, 1, 2),
          ElementsAre(0, 1, 3, 4),
          ElementsAre(0, 1),
          ElementsAre(5, 6)));
}

TEST(TokenTreeTest, ShowsEachTokenItsOwnSequenceAlone) {
  const auto batch =
      make_batch({make_tree({{1, 2}, {1, 3}}), make_tree({{4}})});
  const auto first =
      at::tensor({1, 0, 0, 1, 1, 0, 1, 0, 1}, torch::kInt64).to(torch::kBool);
  EXPECT_TRUE(at::equal(batch.visible[0], first.view({3, 3})));
  EXPECT_TRUE(at::equal(batch.visible[1], at::eye(3, torch::kBool)));
  EXPECT_TRUE(
      at::equal(batch.positions[0], at::tensor({0, 1, 1}, torch::kInt64)));
  EXPECT_TRUE(
      at::equal(
          batch.mask[1],
          at::tensor({1, 0, 0}, torch::kInt64).to(torch::kBool)));
}

TEST(TokenTreeTest, LeavesPlainSequencesToTheCausalPath) {
  const auto batch = make_batch({make_tree({{1, 2}}), make_tree({{3, 4}})});
  EXPECT_FALSE(batch.visible.defined());
  EXPECT_FALSE(batch.positions.defined());
  EXPECT_FALSE(batch.mask.defined());
}

TEST(TokenTreeTest, FindsTheCommonPrefix) {
  EXPECT_EQ(common_prefix({{1, 2, 3}, {1, 2, 4}}), 2);
  EXPECT_EQ(common_prefix({{1, 2, 3}, {1}, {1, 2}}), 1);
  EXPECT_EQ(common_prefix({{1, 2}, {2, 2}}), 0);
  EXPECT_EQ(common_prefix({{1, 2}}), 2);
}

} // namespace
} // namespace ma
