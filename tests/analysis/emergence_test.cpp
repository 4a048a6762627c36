#include "libma/analysis/emergence.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ma {
namespace {

using ::testing::ElementsAre;

TEST(EmergenceTest, OneBlockThatWritesAllIsRapid) {
  // Sun et al. 2024, LLaMA2-7B: 2.47 | 2368 ... 2352 | 244 | 40.
  const auto found =
      find_emergence({0.5, 2.47, 2368, 2368, 2384, 2352, 244, 40});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, EmergenceKind::kRapid);
  EXPECT_THAT(found->writers, ElementsAre(1));
  EXPECT_EQ(found->plateau, 2368); // lower median of 2352, 2368, 2368, 2384
  EXPECT_DOUBLE_EQ(found->writer_share, (2368 - 2.47) / 2368);
  EXPECT_EQ(found->first_layer, 1);
  EXPECT_EQ(found->last_layer, 4);
  EXPECT_EQ(found->eraser, 5);
  EXPECT_DOUBLE_EQ(found->eraser_share, (2352.0 - 244) / 2368);
}

TEST(EmergenceTest, TwoBlocksAreSeveralAndThreeGradual) {
  const auto two = find_emergence({0, 10, 50, 100, 100, 100});
  ASSERT_TRUE(two);
  EXPECT_EQ(two->kind, EmergenceKind::kSeveral);
  EXPECT_THAT(two->writers, ElementsAre(2, 1)); // 50 and 40 of 100
  const auto three = find_emergence({0, 30, 60, 90, 100, 100});
  ASSERT_TRUE(three);
  EXPECT_EQ(three->kind, EmergenceKind::kGradual);
  EXPECT_THAT(three->writers, ElementsAre(0, 1, 2)); // equal rises in order
}

TEST(EmergenceTest, AStepOfExactlyFourFifthsIsRapid) {
  const auto found = find_emergence({0, 20, 100});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, EmergenceKind::kRapid);
  const auto less = find_emergence({0, 21, 100});
  ASSERT_TRUE(less);
  EXPECT_EQ(less->kind, EmergenceKind::kSeveral);
}

TEST(EmergenceTest, AnEarlierSmallerPeakIsNotThePlateau) {
  const auto found =
      find_emergence({1, 30, 700, 690, 100, 120, 23000, 23100, 22900, 8000});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first_layer, 5);
  EXPECT_EQ(found->last_layer, 7);
  EXPECT_THAT(found->writers, ElementsAre(5));
  EXPECT_EQ(found->eraser, 8);
}

TEST(EmergenceTest, FollowsTheSignOfTheLargest) {
  const auto found = find_emergence({3, 5, -100, -90, 2});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->plateau, -90); // lower median magnitude of 90 and 100
  EXPECT_THAT(found->writers, ElementsAre(1));
  EXPECT_DOUBLE_EQ(found->writer_share, 105.0 / 90);
  EXPECT_EQ(found->eraser, 3);
}

TEST(EmergenceTest, WhatIsThereBeforeBlockZeroIsWrittenByTheEmbedding) {
  const auto found = find_emergence({90, 95, 100, 100});
  ASSERT_TRUE(found);
  EXPECT_THAT(found->writers, ElementsAre(-1));
  EXPECT_EQ(found->first_layer, -1);
  EXPECT_EQ(found->eraser, -1); // it stays to the end
}

TEST(EmergenceTest, ThereIsNoneOfZerosOrOverflows) {
  EXPECT_FALSE(find_emergence({0, 0, 0}));
  EXPECT_FALSE(find_emergence({0, std::numeric_limits<double>::infinity(), 1}));
  EXPECT_FALSE(find_emergence({0, std::nan(""), 1}));
}

} // namespace
} // namespace ma
