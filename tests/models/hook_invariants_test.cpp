// What every hook point of every registered architecture must keep to.
#include <algorithm>
#include <map>
#include <sstream>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

using testing::has_same_bits;
using testing::random_ids;

constexpr std::int64_t kBatch = 2;
constexpr std::int64_t kPos = 7;

torch::Tensor identity(const torch::Tensor& x, const HookSite&) {
  return x;
}

bool needs_explicit_attention(const std::string& name) {
  return name.ends_with(".attn_scores") || name.ends_with(".pattern");
}

/// "[batch, pos, d_model]" with the sizes of `config`.
std::vector<std::int64_t> documented_sizes(
    const std::string& shape, const DecoderConfig& config) {
  const std::map<std::string, std::int64_t> sizes = {
      {"1", 1},
      {"batch", kBatch},
      {"d_head", config.d_head},
      {"d_mlp", config.d_mlp},
      {"d_model", config.d_model},
      {"expert", config.n_experts},
      {"head", config.n_heads},
      {"key_pos", kPos},
      {"kv_head", config.n_kv_heads},
      {"pos", kPos},
      {"query_pos", kPos},
      {"vocab", config.vocab}};
  std::vector<std::int64_t> found;
  std::istringstream words(shape.substr(1, shape.size() - 2));
  for (std::string word; std::getline(words >> std::ws, word, ',');) {
    found.push_back(sizes.at(word));
  }
  return found;
}

class HookInvariantsTest : public ::testing::TestWithParam<std::string> {
 protected:
  ActivationCache cache(const std::string& pattern) const {
    return model_.run_with_cache(batch_, {pattern}).second;
  }

  Model model_ = testing::make_tiny_model(testing::tiny_config(GetParam()));
  TokenBatch batch_ = random_ids(kBatch, kPos);
};

TEST_P(HookInvariantsTest, EachSiteFiresOnceWithItsDocumentedShape) {
  std::map<std::string, int> calls;
  std::vector<HookHandle> handles;
  for (const std::string& name : model_.hook_names()) {
    handles.push_back(model_.add_hook(
        name, [&, name](const torch::Tensor& x, const HookSite& at) {
          ++calls[name];
          EXPECT_EQ(at.name, name);
          EXPECT_EQ(
              x.sizes().vec(), documented_sizes(at.shape, model_.config()))
              << name << " " << at.shape;
          EXPECT_TRUE(x.isfinite().logical_or(x < 0).all().item<bool>())
              << name; // masked scores are -inf
          return x;
        }));
  }
  model_.forward(batch_);
  for (const std::string& name : model_.hook_names()) {
    EXPECT_EQ(calls[name], 1) << name;
  }
}

TEST_P(HookInvariantsTest, SitesFireInTheOrderOfTheirNames) {
  std::vector<std::string> fired;
  std::vector<HookHandle> handles;
  for (const std::string& name : model_.hook_names()) {
    handles.push_back(
        model_.add_hook(name, [&](const torch::Tensor& x, const HookSite& at) {
          fired.push_back(at.name);
          return x;
        }));
  }
  model_.forward(batch_);
  EXPECT_EQ(fired, model_.hook_names());
}

TEST_P(HookInvariantsTest, IdentityHooksLeaveTheLogitsBitIdentical) {
  const auto logits = model_.forward(batch_);
  for (const std::string& name : model_.hook_names()) {
    const auto handle = model_.add_hook(name, identity);
    const auto hooked = model_.forward(batch_);
    if (needs_explicit_attention(name)) {
      MA_EXPECT_CLOSE(hooked, logits) << name;
    } else {
      EXPECT_TRUE(has_same_bits(hooked, logits)) << name;
    }
  }
}

TEST_P(HookInvariantsTest, FusedAndExplicitAttentionAgreeInEveryDtype) {
  for (const auto dtype :
       {torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kHalf}) {
    const auto model = testing::make_tiny_model(
        testing::tiny_config(GetParam()), {.dtype = dtype});
    const auto fused = model.forward(batch_);
    const auto handle = model.add_hook("blocks.*.attn.pattern", identity);
    MA_EXPECT_CLOSE(model.forward(batch_), fused) << dtype;
  }
}

TEST_P(HookInvariantsTest, EveryEffectDiesWithItsHandle) {
  const auto logits = model_.forward(batch_);
  for (const std::string& name : model_.hook_names()) {
    {
      // A norm would undo a factor or an amount that is the same for all dims.
      const auto handle =
          model_.add_hook(name, [](const torch::Tensor& x, const HookSite&) {
            const auto amounts = at::arange(x.size(-1), x.options()).cos();
            return at::where(x.isinf(), x, x * 1.25 + amounts);
          });
      EXPECT_GT(testing::difference(model_.forward(batch_), logits), 1e-4)
          << name;
    }
    EXPECT_TRUE(has_same_bits(model_.forward(batch_), logits)) << name;
  }
}

TEST_P(HookInvariantsTest, StreamIsTheSumOfWhatIsAddedToIt) {
  if (model_.config().block == nn::BlockKind::kStreamNorm) {
    GTEST_SKIP() << "the stream itself is normalised";
  }
  const auto kept = cache("blocks.*.*");
  const auto names = kept.names();
  const bool is_parallel =
      std::count(names.begin(), names.end(), "blocks.0.resid_mid") == 0;
  for (std::int64_t i = 0; i < model_.config().n_layers; ++i) {
    const auto at = [&](const char* kind) { return kept[block_site(i, kind)]; };
    const auto mid = at("resid_pre") + at("attn_out");
    if (!is_parallel) {
      EXPECT_TRUE(has_same_bits(at("resid_mid"), mid)) << i;
    }
    EXPECT_TRUE(has_same_bits(at("resid_post"), mid + at("mlp_out"))) << i;
  }
}

TEST_P(HookInvariantsTest, PatternRowsSumToOneAndSeeNoLaterKey) {
  const auto kept = cache("blocks.*.attn.pattern");
  for (const std::string& name : kept.names()) {
    const auto sums = kept[name].sum(-1);
    MA_EXPECT_CLOSE(sums, at::ones_like(sums)) << name;
    EXPECT_EQ(kept[name].triu(1).abs().max().item<double>(), 0) << name;
  }
}

TEST_P(HookInvariantsTest, CachingChangesNothingAndKeepsThePassesTensors) {
  const auto logits = model_.forward(batch_);
  const auto [cached_logits, kept] =
      model_.run_with_cache(batch_, {"blocks.*.resid_post", "logits"});
  EXPECT_TRUE(has_same_bits(cached_logits, logits));
  EXPECT_TRUE(has_same_bits(kept["logits"], logits));
  const auto last = block_site(model_.config().n_layers - 1, "resid_post");
  EXPECT_TRUE(has_same_bits(model_.unembed(kept[last]), logits));
}

TEST_P(HookInvariantsTest, ThreeStepsAreTheForwardPass) {
  const auto logits = model_.forward(batch_);
  auto x = model_.embed(batch_);
  for (std::int64_t i = 0; i < model_.config().n_layers; ++i) {
    x = model_.run_blocks(x, i, i + 1, batch_);
  }
  EXPECT_TRUE(has_same_bits(model_.unembed(x), logits));
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    HookInvariantsTest,
    ::testing::ValuesIn(testing::architectures()));

class PaddingTest : public ::testing::TestWithParam<std::string> {
 protected:
  /// Logits of `rows`, padded to one length, compared with each row alone.
  void expect_same_alone(bool is_left) {
    const std::vector<std::int64_t> lengths = {5, 9, 1};
    auto ids = at::zeros({3, 9}, torch::kInt64);
    auto mask = at::zeros({3, 9}, torch::kBool);
    std::vector<torch::Tensor> rows;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      const auto first = is_left ? 9 - lengths[i] : 0;
      rows.push_back(random_ids(1, lengths[i], i)[0]);
      ids[row].narrow(0, first, lengths[i]).copy_(rows.back());
      mask[row].narrow(0, first, lengths[i]).fill_(true);
    }
    const auto together = model_.forward({ids, mask});
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const auto first = is_left ? 9 - lengths[i] : 0;
      const auto alone = model_.forward(rows[i])[0];
      const auto row =
          together[static_cast<std::int64_t>(i)].narrow(0, first, lengths[i]);
      MA_EXPECT_CLOSE(row, alone) << "row " << i;
    }
  }

  Model model_ = testing::make_tiny_model(testing::tiny_config(GetParam()));
};

TEST_P(PaddingTest, RowsPaddedOnTheRightAreAsAlone) {
  expect_same_alone(false);
}

TEST_P(PaddingTest, RowsPaddedOnTheLeftAreAsAlone) {
  expect_same_alone(true);
}

TEST_P(PaddingTest, OrderAndCompanyOfRowsDoNotMatter) {
  const auto ids = random_ids(4, 6);
  const auto logits = model_.forward(ids);
  const auto reversed = model_.forward(ids.flip(0)).flip(0);
  MA_EXPECT_CLOSE(reversed, logits);
  for (std::int64_t i = 0; i < 4; ++i) {
    MA_EXPECT_CLOSE(model_.forward(ids[i])[0], logits[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Architectures, PaddingTest, ::testing::ValuesIn(testing::architectures()));

} // namespace
} // namespace ma
