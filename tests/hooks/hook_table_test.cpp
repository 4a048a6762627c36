#include "libma/hooks/hook_table.h"

#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A table with the points of two small blocks.
class HookTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name :
         {"embed",
          "blocks.0.attn.q",
          "blocks.0.attn_out",
          "blocks.0.resid_post",
          "blocks.1.attn.q",
          "blocks.1.attn_out",
          "blocks.1.resid_post",
          "logits"}) {
      table_->add_point(name);
    }
  }

  /// What the point makes of zero: hooks append digits, so the order shows.
  double run(const std::string& name) const {
    return table_->point(name)(at::zeros({1}, torch::kFloat64)).item<double>();
  }

  static HookFn append(int digit) {
    return [digit](const torch::Tensor& x, const HookSite&) {
      return x * 10 + digit;
    };
  }

  std::shared_ptr<HookTable> table_ = std::make_shared<HookTable>();
};

TEST_F(HookTableTest, NamesAreInForwardOrder) {
  EXPECT_EQ(table_->names().front(), "embed");
  EXPECT_EQ(table_->names().back(), "logits");
  EXPECT_EQ(table_->names().size(), 8U);
}

TEST_F(HookTableTest, AStarMatchesExactlyOnePart) {
  EXPECT_THAT(
      table_->matching("blocks.*.resid_post"),
      ElementsAre("blocks.0.resid_post", "blocks.1.resid_post"));
  EXPECT_THAT(
      table_->matching("blocks.1.*"),
      ElementsAre("blocks.1.attn_out", "blocks.1.resid_post"));
  EXPECT_THAT(
      table_->matching("blocks.*.attn.q"),
      ElementsAre("blocks.0.attn.q", "blocks.1.attn.q"));
  EXPECT_THAT(table_->matching("*"), ElementsAre("embed", "logits"));
  EXPECT_THAT(table_->matching("embed"), ElementsAre("embed"));
}

TEST_F(HookTableTest, APatternThatMatchesNothingThrowsWithTheNearest) {
  for (const auto* pattern :
       {"blocks.*",
        "blocks.2.resid_post",
        "blocks.*.resid_pots",
        "blocks.0.resid_post.*",
        "",
        "*.*.*.*.*"}) {
    EXPECT_THROW((void)table_->add(pattern, append(1)), UnknownNameError)
        << pattern;
  }
  try {
    (void)table_->add("blocks.0.resid_pots", append(1));
  } catch (const UnknownNameError& error) {
    EXPECT_THAT(error.what(), HasSubstr("nearest: blocks.0.resid_post"));
  }
}

TEST_F(HookTableTest, AnUnknownPointThrows) {
  EXPECT_THROW(table_->point("embd"), UnknownNameError);
}

TEST_F(HookTableTest, APointIsAddedOnce) {
  EXPECT_THROW(table_->add_point("embed"), ConfigError);
}

TEST_F(HookTableTest, AnEmptyFunctionThrows) {
  EXPECT_THROW((void)table_->add("embed", HookFn{}), ConfigError);
}

TEST_F(HookTableTest, HooksRunInOrderOfRegistration) {
  const auto one = table_->add("embed", append(1));
  const auto two = table_->add("*", append(2));
  const auto three = table_->add("embed", append(3));
  EXPECT_EQ(run("embed"), 123);
  EXPECT_EQ(run("logits"), 2);
}

TEST_F(HookTableTest, AHookGoesWithItsHandleAtEveryPoint) {
  {
    const auto handle = table_->add("blocks.*.resid_post", append(5));
    EXPECT_EQ(run("blocks.0.resid_post"), 5);
    EXPECT_EQ(run("blocks.1.resid_post"), 5);
    EXPECT_TRUE(table_->point("blocks.1.resid_post").active());
  }
  EXPECT_EQ(run("blocks.0.resid_post"), 0);
  EXPECT_FALSE(table_->point("blocks.1.resid_post").active());
}

TEST_F(HookTableTest, HandlesDieInAnyOrder) {
  std::optional<HookHandle> one = table_->add("embed", append(1));
  std::optional<HookHandle> two = table_->add("embed", append(2));
  std::optional<HookHandle> three = table_->add("embed", append(3));
  two.reset();
  EXPECT_EQ(run("embed"), 13);
  one.reset();
  EXPECT_EQ(run("embed"), 3);
  three.reset();
  EXPECT_EQ(run("embed"), 0);
}

TEST_F(HookTableTest, AHandleMayOutliveTheTable) {
  auto handle = table_->add("embed", append(1));
  table_.reset();
  handle.remove();
  handle.remove();
}

TEST_F(HookTableTest, MovingAHandleKeepsItsHook) {
  HookHandle target;
  {
    auto source = table_->add("embed", append(1));
    target = std::move(source);
  }
  EXPECT_EQ(run("embed"), 1);
  target = table_->add("embed", append(2)); // drops the first
  EXPECT_EQ(run("embed"), 2);
  target.remove();
  EXPECT_EQ(run("embed"), 0);
}

TEST_F(HookTableTest, AHookMayRemoveItselfAndOthersWhileRunning) {
  HookHandle self;
  HookHandle other;
  self = table_->add("embed", [&](const torch::Tensor& x, const HookSite&) {
    self.remove();
    other.remove();
    return x * 10 + 1;
  });
  other = table_->add("embed", append(2));
  EXPECT_EQ(run("embed"), 12)
      << "the pass that is under way finishes with the hooks it started with";
  EXPECT_EQ(run("embed"), 0);
}

TEST_F(HookTableTest, AHookMayAddOthersWhileRunning) {
  HookHandle added;
  const auto handle =
      table_->add("embed", [&](const torch::Tensor& x, const HookSite&) {
        added = table_->add("embed", append(2));
        return x * 10 + 1;
      });
  EXPECT_EQ(run("embed"), 1);
  EXPECT_EQ(run("embed"), 12);
}

TEST_F(HookTableTest, SitesShowTheBatchWhileItsGuardLives) {
  const TokenBatch outer(at::zeros({1, 2}, torch::kInt64));
  const TokenBatch inner(at::ones({1, 2}, torch::kInt64));
  const auto shown = [&] {
    return table_->point("blocks.1.attn.q").site().batch;
  };
  EXPECT_EQ(shown(), nullptr);
  {
    const auto outer_guard = table_->use_batch(outer);
    EXPECT_EQ(shown(), &outer);
    {
      const auto inner_guard = table_->use_batch(inner);
      EXPECT_EQ(shown(), &inner);
    }
    EXPECT_EQ(shown(), &outer);
  }
  EXPECT_EQ(shown(), nullptr);
}

TEST_F(HookTableTest, ABatchWithoutIdsIsNotShown) {
  const TokenBatch empty;
  const auto guard = table_->use_batch(empty);
  EXPECT_EQ(table_->point("embed").site().batch, nullptr);
}

TEST_F(HookTableTest, ChecksEveryHookOfAChain) {
  const auto good = table_->add("embed", append(1));
  const auto bad = table_->add(
      "embed",
      [](const torch::Tensor& x, const HookSite&) { return x.mul_(2); });
  EXPECT_THROW(run("embed"), ShapeError);
}

} // namespace
} // namespace ma
