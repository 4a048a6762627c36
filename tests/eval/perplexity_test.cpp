#include "libma/eval/perplexity.h"

#include <cmath>
#include <limits>

#include "tests/tiny_model.h"
#include "tests/tolerance.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::int64_t> random_text(std::int64_t n) {
  const auto ids = testing::random_ids(1, n, 7);
  const auto* first = ids.const_data_ptr<std::int64_t>();
  return {first, first + n};
}

/// Sum of NLL over the window's targets from full logits.
double reference_nll(const Model& model, const Window& window) {
  const auto ids = at::tensor(window.ids, torch::kInt64);
  const auto inputs = ids.narrow(0, 0, window.n_inputs);
  const auto log_p =
      at::log_softmax(model.forward(inputs)[0].to(torch::kFloat64), -1);
  double sum = 0;
  for (auto t = window.first_target; t < ids.size(0); ++t) {
    sum -= log_p[t - 1][ids[t].item<std::int64_t>()].item<double>();
  }
  return sum;
}

class PerplexityTest : public ::testing::TestWithParam<std::string> {
 protected:
  Model model_ = testing::make_tiny_model(
      testing::tiny_config(GetParam()), {.dtype = torch::kFloat64});
};

TEST_P(PerplexityTest, EqualsSoftmaxOfFullLogitsInEveryProtocol) {
  for (const WindowOptions& options :
       {WindowOptions{.window = 12},
        WindowOptions{.protocol = "hf-sliding", .window = 12, .stride = 5}}) {
    const auto set = make_windows(random_text(50), options);
    const auto result = perplexity(model_, set);
    double sum = 0;
    for (std::size_t i = 0; i < set.windows.size(); ++i) {
      const double nll = reference_nll(model_, set.windows[i]);
      sum += nll;
      EXPECT_NEAR(
          result.window_nll_nats[i],
          nll / static_cast<double>(set.windows[i].n_targets()),
          1e-10);
    }
    const double mean = sum / static_cast<double>(result.n_tokens);
    EXPECT_NEAR(result.mean_nll_nats, mean, 1e-10);
    EXPECT_NEAR(result.perplexity / std::exp(mean), 1, 1e-8);
    EXPECT_EQ(result.n_nonfinite, 0);
  }
}

TEST_P(PerplexityTest, DoesNotDependOnTheBatch) {
  const auto set = make_windows(
      random_text(75), {.protocol = "hf-sliding", .window = 10, .stride = 4});
  const auto one_by_one = perplexity(model_, set, {.tokens_per_pass = 1});
  const auto all_at_once = perplexity(model_, set, {.tokens_per_pass = 1000});
  ASSERT_EQ(one_by_one.n_windows, all_at_once.n_windows);
  for (std::size_t i = 0; i < set.windows.size(); ++i) {
    EXPECT_NEAR(
        one_by_one.window_nll_nats[i], all_at_once.window_nll_nats[i], 1e-10);
  }
}

TEST_P(PerplexityTest, GoesOnFromAnyWindowToTheSameBits) {
  const auto set = make_windows(random_text(70), {.window = 7});
  std::vector<WindowScore> scores;
  const auto whole = perplexity(
      model_,
      set,
      {.tokens_per_pass = 21, .on_window = [&](const WindowScore& score) {
         scores.push_back(score);
       }});
  ASSERT_EQ(scores.size(), 10U);
  for (std::ptrdiff_t n = 0; n <= 10; ++n) {
    std::vector<WindowScore> rest;
    const auto resumed = perplexity(
        model_,
        set,
        {.tokens_per_pass = 21,
         .finished = {scores.begin(), scores.begin() + n},
         .on_window = [&](const WindowScore& score) {
           rest.push_back(score);
         }});
    EXPECT_EQ(resumed.window_nll_nats, whole.window_nll_nats);
    EXPECT_EQ(resumed.perplexity, whole.perplexity);
    EXPECT_EQ(rest, std::vector<WindowScore>(scores.begin() + n, scores.end()));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    PerplexityTest,
    ::testing::ValuesIn(testing::architectures()));

TEST(PerplexityReportTest, CountsTokensThatAreNotFinite) {
  const auto model = testing::make_tiny_model(testing::tiny_config("llama"));
  const auto set = make_windows(random_text(20), {.window = 5});
  const auto handle = model.add_hook(
      "blocks.3.resid_post", [](const torch::Tensor& x, const HookSite&) {
        auto broken = x.clone();
        broken[1][2].fill_(
            std::nan("")); // the third token of the second window
        return broken;
      });
  const auto result = perplexity(model, set);
  EXPECT_EQ(result.n_nonfinite, 1);
  EXPECT_EQ(result.n_nonfinite_windows, 1);
  EXPECT_TRUE(std::isnan(result.perplexity));
  EXPECT_TRUE(std::isfinite(result.window_nll_nats[0]));
}

TEST(PerplexityReportTest, ReportsProgressOverWindows) {
  const auto model = testing::make_tiny_model(testing::tiny_config("gpt2"));
  std::vector<std::int64_t> done;
  perplexity(
      model,
      make_windows(random_text(15), {.window = 5}),
      {.progress = [&](const Progress& progress) {
        EXPECT_EQ(progress.total, 3);
        done.push_back(progress.done);
      }});
  EXPECT_THAT(done, ::testing::ElementsAre(0, 1, 2, 3));
}

TEST(PerplexityReportTest, RefusesANegativeBatch) {
  const auto model = testing::make_tiny_model(testing::tiny_config("llama"));
  EXPECT_THROW(
      perplexity(
          model,
          make_windows(random_text(15), {.window = 5}),
          {.tokens_per_pass = -1}),
      ConfigError);
}

/// Two windows of two targets.
WindowSet two_windows(Aggregation aggregation) {
  WindowSet set;
  set.aggregation = aggregation;
  set.windows = {{{0, 1, 2}, 3, 1}, {{0, 1, 2}, 3, 1}};
  return set;
}

TEST(SummarizeTest, TakesTheStandardErrorOverWindows) {
  const auto result = summarize(
      two_windows(Aggregation::kWindowMean), {{0, 2, 2, 2}, {1, 2, 6, 18}});
  EXPECT_DOUBLE_EQ(result.mean_nll_nats, 2);
  EXPECT_DOUBLE_EQ(result.perplexity, std::exp(2));
  // Window means 1 and 3: sample standard deviation sqrt(2), over sqrt(2).
  EXPECT_DOUBLE_EQ(result.std_error_nats, 1);
}

TEST(SummarizeTest, TakesTheStandardErrorOverTokensAsLlamaCppDoes) {
  // Token NLLs 1, 1, 2, 4: mean 2, mean square 5.5, so sqrt(1.5 / 3).
  const auto result = summarize(
      two_windows(Aggregation::kTokenMean), {{0, 2, 2, 2}, {1, 2, 6, 20}});
  EXPECT_DOUBLE_EQ(result.mean_nll_nats, 2);
  EXPECT_DOUBLE_EQ(result.std_error_nats, std::sqrt(0.5));
}

TEST(SummarizeTest, GivesNumbersPerWordAndByteWhereTheyAreDefined) {
  auto set = two_windows(Aggregation::kTokenMean);
  EXPECT_FALSE(summarize(set, {{0, 2, 2}, {1, 2, 6}}).word_perplexity);
  set.words = 4;
  set.bytes = 16;
  const auto result = summarize(set, {{1, 2, 6}, {0, 2, 2}}); // any order
  EXPECT_DOUBLE_EQ(*result.word_perplexity, std::exp(2));
  EXPECT_DOUBLE_EQ(*result.byte_perplexity, std::exp(0.5));
  EXPECT_DOUBLE_EQ(*result.bits_per_byte, 0.5 / std::log(2));
}

TEST(SummarizeTest, ShowsAnInfiniteWindow) {
  const auto result = summarize(
      two_windows(Aggregation::kWindowMean),
      {{0, 2, 2}, {1, 2, kInf, kInf, 1}});
  EXPECT_EQ(result.perplexity, kInf);
  EXPECT_EQ(result.n_nonfinite, 1);
  EXPECT_EQ(result.n_nonfinite_windows, 1);
}

TEST(SummarizeTest, RefusesMissingAndForeignScores) {
  const auto set = two_windows(Aggregation::kWindowMean);
  EXPECT_THROW(summarize(set, {{0, 2, 2}}), ConfigError);
  EXPECT_THROW(summarize(set, {{0, 2, 2}, {0, 2, 2}}), ConfigError);
  EXPECT_THROW(summarize(set, {{0, 2, 2}, {1, 3, 2}}), ConfigError);
}

} // namespace
} // namespace ma
