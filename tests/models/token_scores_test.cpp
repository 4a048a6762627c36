#include "libma/models/token_scores.h"

#include <cmath>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gtest/gtest.h>

#include "libma/models/decoder.h"

namespace ma {
namespace {

using testing::random_ids;

struct Scored {
  torch::Tensor x, targets, logits;
  TokenScores scores;
};

/// Scores of 300 rows against a vocabulary of 5,000, which takes several
/// slices.
Scored score_random(torch::ScalarType dtype, bool has_bias) {
  at::manual_seed(3);
  Scored s;
  s.x = at::randn({300, 16}).to(dtype);
  nn::Linear head = {at::randn({5000, 16}).to(dtype), {}};
  if (has_bias) {
    head.bias = at::randn({5000}).to(dtype);
  }
  s.logits = head(s.x);
  s.targets = at::randint(5000, {300}, torch::kInt64);
  s.targets.narrow(0, 0, 100).copy_(s.logits.argmax(1).narrow(0, 0, 100));
  s.scores = score_targets(s.x, {head}, s.targets);
  return s;
}

TEST(TokenScoresTest, EqualLogSoftmaxOfFullLogits) {
  for (const bool has_bias : {false, true}) {
    for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
      const Scored s = score_random(dtype, has_bias);
      const auto expected = -at::log_softmax(s.logits, 1)
                                 .gather(1, s.targets.unsqueeze(1))
                                 .squeeze(1);
      EXPECT_EQ(s.scores.nll_nats.scalar_type(), dtype);
      MA_EXPECT_CLOSE(s.scores.nll_nats, expected);
      EXPECT_TRUE(s.scores.is_greedy.equal(s.logits.argmax(1) == s.targets));
    }
  }
}

TEST(TokenScoresTest, HalfPrecisionLogitsGetASoftmaxInFloat32) {
  for (const auto dtype : {torch::kBFloat16, torch::kHalf}) {
    const Scored s = score_random(dtype, /*has_bias=*/false);
    const auto expected = -at::log_softmax(s.logits.to(torch::kFloat32), 1)
                               .gather(1, s.targets.unsqueeze(1))
                               .squeeze(1);
    EXPECT_EQ(s.scores.nll_nats.scalar_type(), torch::kFloat32);
    // The product of a slice may round single logits in another way.
    EXPECT_LE(
        (s.scores.nll_nats - expected).abs().max().item<double>(),
        s.logits.abs().max().item<double>() * testing::tolerance(dtype));
  }
}

TEST(TokenScoresTest, TheFirstOfEqualLogitsIsTheGreedyOne) {
  const auto x = at::ones({4, 1});
  const auto weight = at::zeros({5000, 1});
  weight[7].fill_(2);
  weight[8].fill_(2);
  weight[4500].fill_(2); // in a later slice
  const auto targets = at::tensor({7, 8, 4500, 0}, torch::kInt64);
  const auto scores = score_targets(x, {weight, {}}, targets);
  EXPECT_TRUE(scores.is_greedy.equal(
      at::tensor({1, 0, 0, 0}, torch::kInt64).to(torch::kBool)));
}

TEST(TokenScoresTest, StaysFiniteWithLargeLogitsAndShowsNaN) {
  const auto x = at::ones({2, 1});
  const auto weight = at::zeros({5000, 1});
  weight[3].fill_(3e4);
  const auto targets = at::tensor({3, 4999}, torch::kInt64);
  const auto scores = score_targets(x, {weight, {}}, targets);
  EXPECT_EQ(scores.nll_nats[0].item<double>(), 0);
  EXPECT_EQ(scores.nll_nats[1].item<double>(), 3e4);
  x[1].fill_(std::nan(""));
  const auto broken = score_targets(x, {weight, {}}, targets);
  EXPECT_EQ(broken.nll_nats[0].item<double>(), 0);
  EXPECT_TRUE(std::isnan(broken.nll_nats[1].item<double>()));
}

class ModelScoreTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ModelScoreTest, IsTheSameThroughTheLogitsPoint) {
  const auto model = testing::make_tiny_model(
      testing::tiny_config(GetParam()), {.dtype = torch::kFloat64});
  const TokenBatch batch(random_ids(2, 6));
  const auto x =
      model.run_blocks(model.embed(batch), 0, model.config().n_layers, batch);
  const auto positions = at::tensor({0, 3, 4, 11}, torch::kInt64);
  const auto targets = at::tensor({5, 60, 0, 17}, torch::kInt64);
  const auto direct = model.score(x, positions, targets, batch);
  const auto handle = model.add_hook(
      "logits", [](const torch::Tensor& y, const HookSite&) { return y; });
  const auto hooked = model.score(x, positions, targets, batch);
  MA_EXPECT_CLOSE(direct.nll_nats, hooked.nll_nats);
  EXPECT_TRUE(direct.is_greedy.equal(hooked.is_greedy));
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    ModelScoreTest,
    ::testing::ValuesIn(testing::architectures()));

} // namespace
} // namespace ma
