// Both paths of attention against the formula and against each other.
#include "libma/nn/attention.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/tolerance.h"
#include <gtest/gtest.h>

namespace ma::nn {
namespace {

constexpr std::int64_t kBatch = 2;
constexpr std::int64_t kPos = 5;
constexpr std::int64_t kModel = 6;
constexpr std::int64_t kHeads = 4;
constexpr std::int64_t kKvHeads = 2;
constexpr std::int64_t kDim = 4; // d_head
constexpr double kScale = 0.3;   // not 1 / sqrt(d_head)

class AttentionHookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    at::manual_seed(11);
    x_ = random({kBatch, kPos, kModel});
    q_ = random({kHeads, kDim, kModel});
    k_ = random({kKvHeads, kDim, kModel});
    v_ = random({kKvHeads, kDim, kModel});
    out_ = {random({kModel, kHeads * kDim}), random({kModel})};
  }

  static torch::Tensor random(at::IntArrayRef shape) {
    return at::randn(shape, torch::kFloat64);
  }

  /// Attention with the weights `q`, `k`, `v`: [head, d_head, d_model].
  Attention make(
      const torch::Tensor& q,
      const torch::Tensor& k,
      const torch::Tensor& v,
      bool has_rotary = false) {
    hooks_ = std::make_shared<HookTable>();
    return {
        {.n_heads = q.size(0),
         .n_kv_heads = k.size(0),
         .d_head = kDim,
         .scale = kScale,
         .has_rotary = has_rotary,
         .softcap = softcap_},
        {.qkv = {at::cat({q, k, v}).view({-1, kModel}), {}},
         .out = out_,
         .q_norm = {},
         .k_norm = {}},
        *hooks_,
        "blocks.0.attn"};
  }

  /// A hook that only reads makes attention take its steps one by one.
  HookHandle make_explicit() {
    return hooks_->add(
        "blocks.0.attn.pattern",
        [this](const torch::Tensor& x, const HookSite&) {
          pattern_ = x;
          return x;
        });
  }

  /// The formula, one head and one query at a time. `allowed` is bool [batch,
  /// 1, query_pos, key_pos].
  torch::Tensor formula(const torch::Tensor& allowed) const {
    auto z = at::zeros({kBatch, kPos, kHeads, kDim}, torch::kFloat64);
    for (std::int64_t b = 0; b < kBatch; ++b) {
      for (std::int64_t h = 0; h < kHeads; ++h) {
        const auto group = h / (kHeads / kKvHeads);
        const auto q = at::matmul(x_[b], q_[h].t());     // [pos, d_head]
        const auto k = at::matmul(x_[b], k_[group].t()); // [pos, d_head]
        const auto v = at::matmul(x_[b], v_[group].t()); // [pos, d_head]
        for (std::int64_t i = 0; i < kPos; ++i) {
          auto weight = at::exp(at::mv(k, q[i]) * kScale); // [key_pos]
          weight = weight * allowed[b][0][i].to(torch::kFloat64);
          z[b][i][h].copy_(at::mv(v.t(), weight / weight.sum()));
        }
      }
    }
    const auto flat = z.view({kBatch, kPos, kHeads * kDim});
    return at::matmul(flat, out_.weight.t()) + out_.bias;
  }

  static torch::Tensor attend(
      const Attention& attention,
      const torch::Tensor& x,
      const TokenBatch& batch = {},
      const RopeTable* rope = nullptr) {
    const AttentionMask mask(batch, x.size(1), torch::kCPU);
    AttentionContext context;
    context.mask = &mask;
    context.rope = rope;
    return attention(x, context);
  }

  static torch::Tensor causal() {
    return at::ones({kBatch, 1, kPos, kPos}, torch::kBool).tril();
  }

  std::shared_ptr<HookTable> hooks_;
  double softcap_ = 0;
  torch::Tensor pattern_;   // [batch, head, query_pos, key_pos]
  torch::Tensor x_;         // [batch, pos, d_model]
  torch::Tensor q_, k_, v_; // [head, d_head, d_model]
  Linear out_;
};

/// Each test runs fused and step by step.
class AttentionTest : public AttentionHookTest,
                      public ::testing::WithParamInterface<bool> {
 protected:
  /// Runs on the path that the suite's parameter asks for.
  torch::Tensor run(
      const Attention& attention,
      const torch::Tensor& x,
      const TokenBatch& batch = {},
      const RopeTable* rope = nullptr) {
    const auto handle = GetParam() ? make_explicit() : HookHandle();
    return attend(attention, x, batch, rope);
  }
};

TEST_P(AttentionTest, IsTheFormula) {
  MA_EXPECT_CLOSE(run(make(q_, k_, v_), x_), formula(causal()));
}

TEST_P(AttentionTest, TheMaskReplacesTheCausalRule) {
  auto allowed = at::ones({kBatch, 1, kPos, kPos}, torch::kBool);
  allowed[0][0][1][3].fill_(false);
  allowed.select(0, 1).select(-1, 2).fill_(false);
  TokenBatch batch;
  batch.visible = allowed.squeeze(1);
  batch.positions = at::arange(kPos, torch::kInt64).expand({kBatch, kPos});
  MA_EXPECT_CLOSE(run(make(q_, k_, v_), x_, batch), formula(allowed));
}

TEST_P(AttentionTest, GroupedHeadsEqualRepeatedHeads) {
  const auto grouped = run(make(q_, k_, v_), x_);
  const auto repeat = [](const torch::Tensor& heads) {
    return at::stack({heads[0], heads[0], heads[1], heads[1]});
  };
  MA_EXPECT_CLOSE(run(make(q_, repeat(k_), repeat(v_)), x_), grouped);
}

TEST_P(AttentionTest, ALaterTokenDoesNotReachEarlierOutputs) {
  const auto attention = make(q_, k_, v_);
  const auto before = run(attention, x_);
  auto changed = x_.clone();
  changed.select(/*dim=*/1, 3).add_(1);
  const auto after = run(attention, changed);
  MA_EXPECT_CLOSE(after.narrow(1, 0, 3), before.narrow(1, 0, 3));
  for (std::int64_t pos = 3; pos < kPos; ++pos) {
    EXPECT_GT(
        ma::testing::difference(after.select(1, pos), before.select(1, pos)),
        1e-3)
        << "position " << pos;
  }
}

TEST_P(AttentionTest, RotaryScoresDoNotMoveWithTheOrigin) {
  const auto attention = make(q_, k_, v_, /*has_rotary=*/true);
  const auto at_origin = [&](std::int64_t origin) {
    const auto positions = at::arange(origin, origin + kPos, torch::kInt64);
    RopeConfig config;
    config.theta = 16; // frequencies 1 and 1/4: exact in float32
    config.d_rotary = kDim;
    const auto rope = make_rope_table(config, positions, torch::kFloat64);
    // cos and sin are those of float32
    return run(attention, x_, {}, &rope).to(torch::kFloat32);
  };
  const auto here = at_origin(0);
  MA_EXPECT_CLOSE(at_origin(7), here);
  EXPECT_GT(ma::testing::difference(here, run(make(q_, k_, v_), x_)), 1e-3);
}

/// Explicit attention of many tokens goes by turns.
TEST_F(AttentionHookTest, ManyTokensAttendAsFewDo) {
  constexpr std::int64_t n_pos = 300;
  const auto attention = make(q_, k_, v_, /*has_rotary=*/false);
  const auto x = random({kBatch, n_pos, kModel});
  const auto fused = attend(attention, x);
  const auto handle = make_explicit();
  MA_EXPECT_CLOSE(attend(attention, x), fused);
  const auto by_turns = pattern_;
  EXPECT_TRUE(by_turns.triu(1).eq(0).all().item<bool>());
  const auto scores = hooks_->add(
      "blocks.0.attn.attn_scores",
      [](const torch::Tensor& s, const HookSite&) { return s; });
  MA_EXPECT_CLOSE(attend(attention, x), fused); // all at once
  MA_EXPECT_CLOSE(by_turns, pattern_);
}

TEST_F(AttentionHookTest, ScoresOfManyTokensAreCapped) {
  const auto x = random({kBatch, 300, kModel});
  const auto uncapped = attend(make(q_, k_, v_), x);
  softcap_ = 0.5;
  const auto attention = make(q_, k_, v_);
  const auto by_turns = attend(attention, x);
  EXPECT_GT(ma::testing::difference(by_turns, uncapped), 1e-3);
  const auto scores = hooks_->add(
      "blocks.0.attn.attn_scores",
      [](const torch::Tensor& s, const HookSite&) { return s; });
  MA_EXPECT_CLOSE(attend(attention, x), by_turns); // all at once
}

TEST_F(AttentionHookTest, AnEditedPatternOfManyTokensReachesKeysBehindIt) {
  constexpr std::int64_t n_pos = 300;
  const auto attention = make(q_, k_, v_);
  const auto x = random({1, n_pos, kModel});
  const auto handle = hooks_->add(
      "blocks.0.attn.pattern", [](const torch::Tensor& p, const HookSite&) {
        return at::full_like(p, 1.0 / n_pos);
      });
  const auto out = attend(attention, x)[0]; // [pos, d_model], all rows alike
  MA_EXPECT_CLOSE(out, out[n_pos - 1].expand_as(out));
}

INSTANTIATE_TEST_SUITE_P(
    Paths, AttentionTest, ::testing::Bool(), [](const auto& info) {
      return info.param ? "Explicit" : "Fused";
    });

TEST_F(AttentionHookTest, HooksOfThePatternDoNotChangeTheResult) {
  const auto attention = make(q_, k_, v_);
  const auto fused = attend(attention, x_);
  const auto handle = make_explicit();
  MA_EXPECT_CLOSE(attend(attention, x_), fused);
  ASSERT_TRUE(pattern_.defined());
  EXPECT_EQ(
      pattern_.sizes(),
      (std::vector<std::int64_t>{kBatch, kHeads, kPos, kPos}));
  MA_EXPECT_CLOSE(
      pattern_.sum(-1), at::ones({kBatch, kHeads, kPos}, torch::kFloat64));
}

TEST_F(AttentionHookTest, TheResultIsMadeOfThePatternThatAHookReturns) {
  const auto attention = make(q_, k_, v_);
  const auto handle = hooks_->add(
      "blocks.0.attn.pattern", [](const torch::Tensor& x, const HookSite&) {
        return at::zeros_like(x);
      });
  MA_EXPECT_CLOSE(
      attend(attention, x_), out_.bias.expand({kBatch, kPos, kModel}));
}

TEST_F(AttentionHookTest, OnlyRotaryAttentionHasRotatedPoints) {
  const auto plain = make(q_, k_, v_);
  EXPECT_FALSE(hooks_->has("blocks.0.attn.rot_q"));
  const auto rotary = make(q_, k_, v_, /*has_rotary=*/true);
  EXPECT_TRUE(hooks_->has("blocks.0.attn.rot_q"));
}

} // namespace
} // namespace ma::nn
