#include "libma/eval/divergence.h"

#include <cmath>
#include <vector>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using testing::has_same_bits;
using testing::random_ids;

constexpr std::int64_t kRows = 6;
constexpr std::int64_t kPos = 256;

/// A model whose 3,000 tokens take several slices in a pass of kRows x kPos.
class DivergenceTest : public ::testing::Test {
 protected:
  static Model make_model(torch::ScalarType dtype) {
    auto config = testing::tiny_config("llama");
    config["vocab_size"] = 3000;
    return testing::make_tiny_model(config, {.dtype = dtype});
  }

  void SetUp() override {
    const auto on = [](std::int64_t pos) { return at::arange(pos); };
    tokens_.positions =
        (at::arange(kRows).unsqueeze(1) * kPos + on(kPos - 1).unsqueeze(0))
            .flatten(); // all but the last of each row
    tokens_.targets = batch_.ids.slice(/*dim=*/1, 1).flatten();
  }

  torch::Tensor stream(const Model& model) const {
    return model.run_blocks(
        model.embed(batch_), 0, model.config().n_layers, batch_);
  }

  /// [n, vocab]
  torch::Tensor log_probabilities(
      const Model& model, const torch::Tensor& stream) const {
    return at::log_softmax(
        model.unembed(stream, tokens_.positions, batch_).to(torch::kFloat64),
        /*dim=*/1);
  }

  TokenBatch batch_ = random_ids(kRows, kPos);
  ScoredTokens tokens_;
};

TEST_F(DivergenceTest, IsThatOfTheFullDistributions) {
  for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
    const Model model = make_model(dtype);
    const auto x = stream(model);
    const auto y = x + 0.3 * at::randn_like(x);
    const ReferencePredictions reference(model, tokens_, x, batch_);
    const auto found = reference.compare(y);
    const auto log_p = log_probabilities(model, x);
    const auto log_q = log_probabilities(model, y);
    const auto kl = (log_p.exp() * (log_p - log_q)).sum(/*dim=*/1);
    const double largest =
        model.unembed(y, {}, batch_).abs().max().item<double>();
    EXPECT_LE(
        (found.kl_nats - kl).abs().max().item<double>(),
        testing::tolerance(dtype) * largest);
    EXPECT_GT(kl.mean().item<double>(), 0.01);
    EXPECT_TRUE(found.agrees.equal(log_p.argmax(1) == log_q.argmax(1)));
    EXPECT_FALSE(found.agrees.all().item<bool>());
  }
}

TEST_F(DivergenceTest, LeavesTheScoreToTheBit) {
  const Model model = make_model(torch::kFloat32);
  const auto x = stream(model);
  const auto y = x * 1.25;
  const ReferencePredictions reference(model, tokens_, x, batch_);
  const auto score = [&](const torch::Tensor& any) {
    return model.score(any, tokens_.positions, tokens_.targets, batch_)
        .nll_nats.to(torch::kFloat64);
  };
  EXPECT_TRUE(has_same_bits(reference.itself().nll_nats, score(x)));
  EXPECT_TRUE(has_same_bits(reference.compare(y).nll_nats, score(y)));
}

TEST_F(DivergenceTest, IsZeroToTheBitForTheSameStream) {
  const Model model = make_model(torch::kFloat32);
  const auto x = stream(model);
  const ReferencePredictions reference(model, tokens_, x, batch_);
  for (const TokenDivergence& found :
       {reference.itself(), reference.compare(x.clone())}) {
    EXPECT_EQ(found.kl_nats.abs().max().item<double>(), 0);
    EXPECT_TRUE(found.agrees.all().item<bool>());
  }
}

TEST_F(DivergenceTest, IsNeverNegative) {
  const Model model = make_model(torch::kFloat32);
  const auto x = stream(model);
  const ReferencePredictions reference(model, tokens_, x, batch_);
  const auto found = reference.compare(x + 1e-4 * at::randn_like(x));
  EXPECT_GE(found.kl_nats.min().item<double>(), 0);
  EXPECT_LE(found.kl_nats.mean().item<double>(), 1e-5);
}

TEST_F(DivergenceTest, SeesWhatHooksMakeOfTheLogits) {
  const Model model = make_model(torch::kFloat64);
  const auto x = stream(model);
  const ReferencePredictions reference(model, tokens_, x, batch_);
  const auto handle = model.add_hook(
      "logits", [](const torch::Tensor& z, const HookSite&) { return z * 0; });
  const auto found = reference.compare(x);
  const auto log_p = log_probabilities(make_model(torch::kFloat64), x);
  const auto entropy = -(log_p.exp() * log_p).sum(/*dim=*/1);
  // Against the uniform distribution: log(vocab) - entropy.
  const auto expected = std::log(3000.0) - entropy;
  MA_EXPECT_CLOSE(found.kl_nats, expected);
}

TEST(LogitSlicesTest, CoverTheLogitsOfEachPositionOnce) {
  const auto model = testing::make_tiny_model(
      testing::tiny_config("llama"), {.dtype = torch::kFloat64});
  const TokenBatch batch(random_ids(2, 6));
  const auto x =
      model.run_blocks(model.embed(batch), 0, model.config().n_layers, batch);
  const auto positions = at::tensor({3, 0, 3, 11}, torch::kInt64);
  const auto targets = at::tensor({5, 60, 0, 17}, torch::kInt64);
  const auto unique = at::tensor({0, 3, 11}, torch::kInt64);
  const auto expected = model.unembed(x, unique, batch);
  const auto see = [&] {
    std::vector<torch::Tensor> slices;
    std::int64_t next = 0;
    const auto scores = model.score(
        x,
        positions,
        targets,
        batch,
        [&](const torch::Tensor& logits, std::int64_t first) {
          EXPECT_EQ(first, next);
          next += logits.size(1);
          slices.push_back(logits.clone());
        });
    EXPECT_TRUE(has_same_bits(
        scores.nll_nats, model.score(x, positions, targets, batch).nll_nats));
    return at::cat(slices, /*dim=*/1);
  };
  MA_EXPECT_CLOSE(see(), expected);
  const auto handle = model.add_hook(
      "logits", [](const torch::Tensor& y, const HookSite&) { return y + 1; });
  MA_EXPECT_CLOSE(see(), expected + 1);
}

} // namespace
} // namespace ma
