#include "libma/nn/key_value_cache.h"

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using testing::random_ids;

constexpr double kSame = 1e-9; // float64, relative to the largest logit

class KeyValueCacheTest : public ::testing::TestWithParam<std::string> {
 protected:
  void expect_same(const torch::Tensor& found, const torch::Tensor& expected) {
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_LE(testing::difference(found, expected), kSame);
  }

  /// Rows of 5, 9 and 2 tokens, padded; then three tokens, then one, each.
  void expect_rows_as_alone(bool is_left) {
    const std::vector<std::int64_t> lengths = {5, 9, 2};
    const auto all = random_ids(3, 13);
    auto ids = at::zeros({3, 9}, torch::kInt64);
    auto mask = at::zeros({3, 9}, torch::kBool);
    for (std::int64_t row = 0; row < 3; ++row) {
      const auto n = lengths[static_cast<std::size_t>(row)];
      const auto first = is_left ? 9 - n : 0;
      ids[row].narrow(0, first, n).copy_(all[row].narrow(0, 0, n));
      mask[row].narrow(0, first, n).fill_(true);
    }
    nn::KeyValueCache cache(model_.config().n_layers);
    model_.extend({ids, mask}, cache);
    for (const auto& [done, pos] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 3}, {3, 1}}) {
      std::vector<torch::Tensor> next;
      for (std::int64_t row = 0; row < 3; ++row) {
        const auto n = lengths[static_cast<std::size_t>(row)];
        next.push_back(all[row].narrow(0, n + done, pos));
      }
      const auto logits = model_.extend(at::stack(next), cache);
      for (std::int64_t row = 0; row < 3; ++row) {
        const auto n = lengths[static_cast<std::size_t>(row)] + done;
        const auto alone = model_.forward(all[row].narrow(0, 0, n + pos));
        expect_same(logits[row], alone[0].narrow(0, n, pos));
      }
    }
  }

  Model model_ = testing::make_tiny_model(
      testing::tiny_config(GetParam()), {.dtype = torch::kFloat64});
};

TEST_P(KeyValueCacheTest, TokensInPiecesGiveTheLogitsOfOnePass) {
  const auto ids = random_ids(2, 12);
  const auto whole = model_.forward(ids);
  nn::KeyValueCache cache(model_.config().n_layers);
  std::int64_t done = 0;
  for (const std::int64_t pos : {4, 1, 1, 5, 1}) {
    const auto logits = model_.extend(ids.narrow(/*dim=*/1, done, pos), cache);
    expect_same(logits, whole.narrow(/*dim=*/1, done, pos));
    done += pos;
    EXPECT_EQ(cache.length(), done);
  }
}

TEST_P(KeyValueCacheTest, TheFirstPassIsToTheBitAsWithoutACache) {
  const auto ids = random_ids(2, 7);
  nn::KeyValueCache cache(model_.config().n_layers);
  EXPECT_TRUE(
      testing::has_same_bits(model_.extend(ids, cache), model_.forward(ids)));
}

TEST_P(KeyValueCacheTest, RowsPaddedOnTheRightAreAsAlone) {
  expect_rows_as_alone(false);
}

TEST_P(KeyValueCacheTest, RowsPaddedOnTheLeftAreAsAlone) {
  expect_rows_as_alone(true);
}

TEST_P(KeyValueCacheTest, PaddingAmongLaterTokensIsNotSeen) {
  const auto all = random_ids(2, 8);
  nn::KeyValueCache cache(model_.config().n_layers);
  model_.extend(all.narrow(1, 0, 4), cache);
  auto mask = at::ones({2, 3}, torch::kBool);
  mask[1][0] = false; // the second row has two more tokens, not three
  auto ids = all.narrow(1, 4, 3).clone();
  ids[1].copy_(
      at::cat({at::zeros({1}, torch::kInt64), all[1].narrow(0, 4, 2)}));
  model_.extend({ids, mask}, cache);
  const auto last = at::stack({all[0][7], all[1][6]}).unsqueeze(1);
  const auto logits = model_.extend(last, cache);
  expect_same(logits[0][0], model_.forward(all[0])[0][7]);
  expect_same(logits[1][0], model_.forward(all[1].narrow(0, 0, 7))[0][6]);
}

TEST_P(KeyValueCacheTest, KeptRowsGoOnInTheGivenOrder) {
  const auto ids = random_ids(3, 6);
  auto mask = at::ones({3, 5}, torch::kBool);
  mask[2].narrow(0, 0, 2).fill_(false); // its sequence starts at column 2
  nn::KeyValueCache cache(model_.config().n_layers, /*capacity=*/32);
  model_.extend({ids.narrow(1, 0, 5), mask}, cache);
  cache.keep_rows(at::tensor({2, 0}, torch::kInt64));
  const auto next = at::stack({ids[2][5], ids[0][5]}).unsqueeze(1);
  const auto logits = model_.extend(next, cache);
  expect_same(logits[0][0], model_.forward(ids[2].narrow(0, 2, 4))[0][3]);
  expect_same(logits[1][0], model_.forward(ids[0])[0][5]);
}

TEST_P(KeyValueCacheTest, SitesFireForTheNewTokensWithDocumentedShapes) {
  const auto ids = random_ids(2, 7);
  nn::KeyValueCache cache(model_.config().n_layers);
  model_.extend(ids.narrow(1, 0, 5), cache);
  const DecoderConfig& c = model_.config();
  const std::map<std::string, std::vector<std::int64_t>> shapes = {
      {"resid_post", {2, 2, c.d_model}},
      {"attn.q", {2, 2, c.n_heads, c.d_head}},
      {"attn.k", {2, 2, c.n_kv_heads, c.d_head}},
      {"attn.attn_scores", {2, c.n_heads, 2, 7}},
      {"attn.pattern", {2, c.n_heads, 2, 7}},
      {"logits", {2, 2, c.vocab}}};
  std::map<std::string, int> calls;
  std::vector<HookHandle> handles;
  for (const std::string& name : model_.hook_names()) {
    handles.push_back(
        model_.add_hook(name, [&](const torch::Tensor& x, const HookSite& at) {
          ++calls[at.name];
          if (const auto found = shapes.find(at.kind); found != shapes.end()) {
            EXPECT_EQ(x.sizes().vec(), found->second) << at.name;
          }
          EXPECT_TRUE(at.batch->ids.equal(ids.narrow(1, 5, 2)));
          EXPECT_TRUE(at.batch->positions.equal(
              at::tensor({5, 6, 5, 6}, torch::kInt64).view({2, 2})));
          return x;
        }));
  }
  const auto logits = model_.extend(ids.narrow(1, 5, 2), cache);
  for (const std::string& name : model_.hook_names()) {
    EXPECT_EQ(calls[name], 1) << name;
  }
  handles.clear();
  expect_same(
      logits, model_.forward(ids).narrow(1, 5, 2)); // explicit attention
}

TEST_P(KeyValueCacheTest, AfterAnErrorItIsAsBefore) {
  const auto ids = random_ids(2, 7);
  nn::KeyValueCache cache(model_.config().n_layers);
  model_.extend(ids.narrow(1, 0, 5), cache);
  {
    const auto handle = model_.add_hook(
        "blocks.2.resid_post",
        [](const torch::Tensor&, const HookSite&) -> torch::Tensor {
          throw Error("a hook", "fails");
        });
    EXPECT_THROW(model_.extend(ids.narrow(1, 0, 2), cache), Error);
  }
  EXPECT_EQ(cache.length(), 5);
  expect_same(
      model_.extend(ids.narrow(1, 5, 2), cache),
      model_.forward(ids).narrow(1, 5, 2));
}

TEST_P(KeyValueCacheTest, RefusesOtherRowsAndTrees) {
  nn::KeyValueCache cache(model_.config().n_layers);
  model_.extend(random_ids(2, 5), cache);
  EXPECT_THROW(model_.extend(random_ids(3, 1), cache), ShapeError);
  TokenBatch tree(random_ids(2, 1));
  tree.positions = at::zeros({2, 1}, torch::kInt64);
  EXPECT_THROW(model_.extend(tree, cache), ShapeError);
}

TEST_P(KeyValueCacheTest, CanBeUsedAfterAFirstPassThatFailed) {
  nn::KeyValueCache cache(model_.config().n_layers);
  {
    const auto handle = model_.add_hook(
        "blocks.1.resid_post",
        [](const torch::Tensor&, const HookSite&) -> torch::Tensor {
          throw std::runtime_error("stop");
        });
    EXPECT_THROW(model_.extend(random_ids(1, 5), cache), std::runtime_error);
  }
  const auto ids = random_ids(2, 6);
  model_.extend(ids.narrow(/*dim=*/1, 0, 4), cache);
  expect_same(
      model_.extend(ids.narrow(/*dim=*/1, 4, 2), cache),
      model_.forward(ids).narrow(/*dim=*/1, 4, 2));
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    KeyValueCacheTest,
    ::testing::ValuesIn(testing::architectures()));

TEST(LearnedPositionsTest, ThrowsBeyondTheLastOneAlsoWithACache) {
  const auto model = testing::make_tiny_model(testing::tiny_config("gpt2"));
  nn::KeyValueCache cache(model.config().n_layers);
  model.extend(random_ids(1, 64), cache);
  EXPECT_THROW(model.extend(random_ids(1, 1), cache), ShapeError);
}

} // namespace
} // namespace ma
