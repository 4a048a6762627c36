#include "libma/eval/conditions.h"

#include <map>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using testing::has_same_bits;
using testing::make_tiny_model;
using testing::random_ids;
using testing::tiny_config;

Intervention set_entry(const std::string& site, double value) {
  return make_intervention(
      "set_value",
      {.site = site, .select = Selection::at({0}, {3}), .value = value});
}

/// The stream and logits of a condition on its own.
std::pair<torch::Tensor, torch::Tensor> run_alone(
    const Model& model, const Condition& condition, const TokenBatch& batch) {
  std::vector<HookHandle> handles;
  for (const Intervention& edit : condition.edits) {
    handles.push_back(model.add_hook(edit.site(), edit));
  }
  const auto x =
      model.run_blocks(model.embed(batch), 0, model.config().n_layers, batch);
  return {x, model.unembed(x, {}, batch)};
}

/// One condition for each kind of place where an edit may sit.
std::vector<Condition> all_places(const Model& model) {
  std::vector<Condition> conditions = {
      {"late", {set_entry("blocks.2.resid_post", 40)}},
      {"original", {}},
      {"embed", {set_entry("embed", 5)}},
      {"inside a block", {set_entry("blocks.1.attn_out", 7)}},
      {"twice at one site",
       {set_entry("blocks.1.resid_post", 9),
        make_intervention(
            "scale",
            {.site = "blocks.1.resid_post",
             .select = Selection::at({0}, {3}),
             .factor = -2})}},
      {"pattern", {set_entry("blocks.*.resid_post", 30)}},
      {"boundary and next block",
       {set_entry("blocks.2.resid_pre", 3),
        set_entry("blocks.1.resid_post", 8)}},
      {"last block", {set_entry("blocks.3.resid_post", 20)}},
      {"logits", {set_entry("logits", 11)}},
      {"far apart", {set_entry("logits", 1), set_entry("blocks.0.mlp_out", 6)}},
  };
  for (const char* site :
       {"pos_embed",
        "embed.ln.normalized",
        "blocks.0.mlp.post",
        "ln_final.normalized"}) {
    if (model.hooks().has(site)) {
      conditions.push_back({site, {set_entry(site, 5)}});
    }
  }
  return conditions;
}

class ConditionRunnerTest : public ::testing::TestWithParam<std::string> {
 protected:
  Model model_ = make_tiny_model(tiny_config(GetParam()));
};

TEST_P(ConditionRunnerTest, GivesEachConditionTheBitsItHasAlone) {
  // The last row is padded on the left.
  auto mask = at::ones({3, 8}, torch::kBool);
  mask[2].narrow(0, 0, 3).zero_();
  for (const TokenBatch& batch :
       {TokenBatch(random_ids(3, 8)), TokenBatch(random_ids(3, 8), mask)}) {
    ConditionRunner runner(model_, all_places(model_));
    std::map<std::size_t, std::pair<torch::Tensor, torch::Tensor>> together;
    runner.run(batch, [&](std::size_t i, const torch::Tensor& x) {
      together[i] = {x, model_.unembed(x, {}, batch)};
    });
    ASSERT_EQ(together.size(), runner.conditions().size());
    for (const auto& [i, result] : together) {
      const Condition& condition = runner.conditions()[i];
      const auto [stream, logits] = run_alone(model_, condition, batch);
      EXPECT_TRUE(has_same_bits(result.first, stream)) << condition.name;
      EXPECT_TRUE(has_same_bits(result.second, logits)) << condition.name;
    }
  }
}

TEST_P(ConditionRunnerTest, KeepsTheModelsOwnHooksBeforeTheEdits) {
  const TokenBatch batch(random_ids(2, 6));
  std::map<std::string, int> calls;
  std::vector<HookHandle> handles;
  for (const char* pattern : {"blocks.*.resid_post", "blocks.*.attn.v"}) {
    handles.push_back(model_.add_hook(
        pattern, [&](const torch::Tensor& x, const HookSite& at) {
          ++calls[at.name];
          EXPECT_NE(at.batch, nullptr);
          return x * 1.5;
        }));
  }
  const Condition zero = {"zero", {set_entry("blocks.1.resid_post", 40)}};
  const auto alone = run_alone(model_, zero, batch).first;
  calls.clear();
  ConditionRunner runner(model_, {zero, {"original", {}}});
  runner.run(batch, [&](std::size_t i, const torch::Tensor& x) {
    if (i == 0) {
      EXPECT_TRUE(has_same_bits(x, alone));
      // Blocks 0 and 1 once in the shared stream, 2 and 3 once for this one.
      for (const auto& [name, count] : calls) {
        EXPECT_EQ(count, 1) << name;
      }
      EXPECT_EQ(calls.size(), 8U);
    }
  });
  EXPECT_EQ(calls["blocks.1.resid_post"], 1);
  EXPECT_EQ(calls["blocks.2.resid_post"], 2);
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    ConditionRunnerTest,
    ::testing::ValuesIn(testing::architectures()));

class LlamaConditionsTest : public ::testing::Test {
 protected:
  std::vector<std::int64_t> blocks_run(ConditionRunner& runner) {
    std::vector<std::int64_t> layers;
    const auto handle = model_.add_hook(
        "blocks.*.resid_mid", [&](const torch::Tensor& x, const HookSite& at) {
          layers.push_back(at.layer);
          return x;
        });
    runner.run(random_ids(1, 4), [](std::size_t, const torch::Tensor&) {});
    return layers;
  }
  Model model_ = make_tiny_model(tiny_config("llama"));
};

TEST_F(LlamaConditionsTest, RunsEachBlockNoMoreOftenThanNeeded) {
  ConditionRunner runner(
      model_,
      {{"original", {}},
       {"after 2", {set_entry("blocks.2.resid_post", 1)}},
       {"after 1", {set_entry("blocks.1.resid_post", 1)}},
       {"logits", {set_entry("logits", 1)}}});
  EXPECT_THAT(blocks_run(runner), ::testing::ElementsAre(0, 1, 2, 3, 2, 3, 3));
}

TEST_F(LlamaConditionsTest, RunsNothingForConditionsThatAreNotWanted) {
  ConditionRunner runner(
      model_, {{"a", {set_entry("blocks.0.resid_post", 1)}}, {"b", {}}});
  std::vector<std::size_t> consumed;
  runner.run(
      random_ids(1, 4),
      [&](std::size_t i, const torch::Tensor&) { consumed.push_back(i); },
      {false, true});
  EXPECT_THAT(consumed, ::testing::ElementsAre(1));
  EXPECT_EQ(runner.effects(0)[0].calls, 0);
}

TEST_F(LlamaConditionsTest, CountsWhatEachEditWroteInEachCondition) {
  const auto edit = set_entry("blocks.1.resid_post", 1);
  const auto everywhere = set_entry("blocks.*.resid_post", 1);
  ConditionRunner runner(
      model_, {{"a", {edit}}, {"b", {edit, everywhere}}}); // share statistics
  runner.run(random_ids(3, 4), [](std::size_t, const torch::Tensor&) {});
  EXPECT_EQ(runner.effects(0)[0].edited, 3);
  EXPECT_EQ(runner.effects(1)[0].edited, 3);
  EXPECT_EQ(runner.effects(1)[1].calls, 4);
  EXPECT_EQ(runner.effects(1)[1].edited, 12);
}

TEST_F(LlamaConditionsTest, LeavesNoHookBehindWhenTheConsumerThrows) {
  const TokenBatch batch(random_ids(2, 5));
  const auto before = model_.forward(batch);
  ConditionRunner runner(model_, {{"a", {set_entry("logits", 50)}}});
  EXPECT_THROW(
      runner.run(
          batch,
          [](std::size_t, const torch::Tensor&) {
            throw std::runtime_error("stop");
          }),
      std::runtime_error);
  EXPECT_TRUE(has_same_bits(model_.forward(batch), before));
}

TEST_F(LlamaConditionsTest, RefusesUnknownSitesAndDoubleNames) {
  EXPECT_THROW(
      ConditionRunner(model_, {{"a", {set_entry("blocks.9.resid_post", 1)}}}),
      UnknownNameError);
  EXPECT_THROW(ConditionRunner(model_, {{"a", {}}, {"a", {}}}), ConfigError);
}

} // namespace
} // namespace ma
