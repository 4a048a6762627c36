#include "libma/analysis/super_weights.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

namespace ma {
namespace {

TEST(SuperWeightsTest, RanksNeuronsByMagnitudeAndAddsUpTheirShares) {
  const auto writes = rank_neurons(
      {.contributions = at::tensor({1.0, -2.0, 8.0, 0.5}, torch::kFloat64),
       .weights = at::tensor({1.0, 2.0, 4.0, 1.0}, torch::kFloat64),
       .post = at::tensor({1.0, -1.0, 2.0, 0.5}, torch::kFloat64),
       .pre = at::tensor({3.0, 4.0, 5.0, 6.0}, torch::kFloat64),
       .pre_linear = {}},
      /*total=*/8,
      /*top=*/3);
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_EQ(writes[0].neuron, 2);
  EXPECT_EQ(writes[1].neuron, 1);
  EXPECT_EQ(writes[2].neuron, 0);
  EXPECT_DOUBLE_EQ(writes[0].share, 1);
  EXPECT_DOUBLE_EQ(writes[1].share, -0.25);
  EXPECT_DOUBLE_EQ(writes[2].cumulative_share, 0.875);
  EXPECT_DOUBLE_EQ(writes[0].weight, 4);
  EXPECT_DOUBLE_EQ(writes[0].pre, 5);
  EXPECT_TRUE(std::isnan(writes[0].pre_linear));
}

TEST(SuperWeightsTest, MarksBlocksThatStepUpAndDown) {
  std::vector<BlockWrite> blocks = {
      {.before = 0, .after = 5},
      {.before = 5, .after = -100},
      {.before = -100, .after = -95},
      {.before = -95, .after = -20},
      {.before = -20, .after = 20}}; // its sign alone
  mark_steps(blocks, /*share=*/0.1);
  EXPECT_EQ(blocks[0].step, 0);
  EXPECT_EQ(blocks[1].step, 1);
  EXPECT_EQ(blocks[2].step, 0);
  EXPECT_EQ(blocks[3].step, -1);
  EXPECT_EQ(blocks[4].step, 0);
}

TEST(SuperWeightsTest, TablesShowBlocksInBothBases) {
  SuperWeightSearch search;
  search.peaks = {{.layer = 0}, {.layer = 1, .is_spike = true}};
  search.weights = {
      {.peak = {.layer = 1, .dim = 5}, .neuron = 9, .share = 0.75}};
  const Table table = super_weights_table(search);
  ASSERT_EQ(table.rows().size(), 1U);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "removal")), 1);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "block (0-based)")), 1);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "layer (1-based)")), 2);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "dim (row)")), 5);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "neuron (column)")), 9);
  EXPECT_DOUBLE_EQ(std::get<double>(table.at(0, "share of output")), 75);
  const Table peaks = peaks_table(search);
  ASSERT_EQ(peaks.rows().size(), 2U);
  EXPECT_EQ(std::get<std::string>(peaks.at(1, "spike")), "yes");

  WriteContributions found;
  found.blocks = {{.layer = 0, .step = 1}, {.layer = 1, .step = -1}};
  const Table blocks = block_writes_table(found);
  EXPECT_EQ(std::get<std::string>(blocks.at(0, "step")), "up");
  EXPECT_EQ(std::get<std::string>(blocks.at(1, "step")), "down");
}

} // namespace
} // namespace ma
