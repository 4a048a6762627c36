#include "libma/eval/find_register_neurons.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

/// A class token, a register of the checkpoint, two added ones.
VisionConfig config() {
  VisionConfig c;
  c.n_layers = 3;
  c.d_mlp = 5;
  c.n_registers = 3;
  c.n_test_registers = 2;
  return c;
}

TEST(TestTimeRegistersTest, OneEditABlockMovesNeuronsToTheAddedTokens) {
  const auto edits = test_time_registers(
      config(),
      {{.layer = 2, .neuron = 4}, {.layer = 0, .neuron = 1}, {.layer = 2}},
      {.keep = {"cls"}});
  ASSERT_EQ(edits.size(), 2U);
  EXPECT_EQ(edits[0].site(), "blocks.0.mlp.post");
  EXPECT_EQ(edits[1].site(), "blocks.2.mlp.post");
  EXPECT_EQ(edits[1].options().select.dims, (std::vector<std::int64_t>{0, 4}));
  const auto x = at::rand({1, 7, 5}, torch::kFloat64); // 3 patches
  auto expected = x.clone();
  for (const std::int64_t neuron : {0, 4}) {
    const auto column = expected.select(2, neuron); // [1, pos]
    const auto largest = column.max().clone();
    column.slice(1, 1).zero_();
    column.slice(1, 2, 4).fill_(largest);
  }
  EXPECT_TRUE(at::equal(edits[1](x, make_site("blocks.2.mlp.post")), expected));
}

TEST(TestTimeRegistersTest, WhatTheModelLacksIsAnError) {
  VisionConfig without = config();
  without.n_registers = 1;
  without.n_test_registers = 0;
  EXPECT_THROW(test_time_registers(without, {{}}), ConfigError);
  EXPECT_THROW(test_time_registers(config(), {}), ConfigError);
  EXPECT_THROW(test_time_registers(config(), {{.layer = 3}}), ConfigError);
  EXPECT_THROW(test_time_registers(config(), {{.layer = -1}}), ConfigError);
  EXPECT_THROW(test_time_registers(config(), {{.neuron = 5}}), ConfigError);
  EXPECT_THROW(
      test_time_registers(config(), {{}}, {.others = "none"}),
      UnknownNameError);
  EXPECT_THROW(
      test_time_registers(config(), {{}}, {.keep = {"distillation"}}),
      UnknownNameError);
  EXPECT_THROW(
      test_time_registers(config(), {{}}, {.keep = {"register:2"}}),
      ConfigError);
}

} // namespace
} // namespace ma
