// Massive activations of a real model, SmolLM2-135M-Instruct, against Hugging
// Face transformers in float32.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "tests/test_data.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/magnitudes.h"
#include "libma/eval/calibration.h"
#include "libma/eval/find_massive.h"
#include "libma/io/model_source.h"
#include "libma/io/text.h"

namespace ma {
namespace {

constexpr const char* kModel = "smollm2-135m-instruct";
constexpr const char* kText = "text/wikitext2/wikitext2_raw_test_joined.txt";
constexpr const char* kReference =
    "reference/smollm2/perplexity_and_states.json";
constexpr double kTolerance = 1e-5; // relative: five digits

std::filesystem::path home() {
  const char* set = std::getenv("LIBMA_HOME");
  return set != nullptr ? set : default_home();
}

class SmolLm2FindTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MA_REQUIRE_REFERENCE(kReference);
    try {
      find_model(kModel, home());
    } catch (const FileError& error) {
      GTEST_SKIP() << error.what();
    }
    std::ifstream(testing::reference_path(kReference)) >> reference_;
    model_.emplace(load_model(kModel, {.device = "cpu", .home = home()}));
  }

  nlohmann::json reference_;
  std::optional<Model> model_;
};

void expect_close(double actual, double expected, const std::string& what) {
  EXPECT_NEAR(actual, expected, kTolerance * std::abs(expected)) << what;
}

/// Checks the median and the largest entries of `x` [1, pos, d_model] against
/// one hidden state of the reference.
void expect_state(const torch::Tensor& x, const nlohmann::json& state) {
  const auto what = c10::str("hidden state ", state["hidden_state"].get<int>());
  const auto n_top = static_cast<std::int64_t>(state["top"].size());
  const auto found = scan_magnitudes(x, {{0, x.numel()}}, {.top = n_top});
  expect_close(found.median, state["median"], what + ", median");
  for (std::size_t i = 0; i < found.top.size(); ++i) {
    const auto& top = state["top"][i];
    expect_close(
        std::abs(found.top[i].value),
        std::abs(top["value"].get<double>()),
        what + c10::str(", top ", i));
    // Equal magnitudes may stand in any order, so the place is looked up by the
    // reference's own.
    expect_close(
        x[0][top["pos"].get<int>()][top["dim"].get<int>()].item<double>(),
        top["value"],
        what + ", value");
  }
}

TEST_F(SmolLm2FindTest, HiddenStatesHaveTheReferenceMagnitudes) {
  const TokenBatch batch(
      at::tensor(
          reference_["summer_ids"].get<std::vector<std::int64_t>>(),
          torch::kInt64));
  auto x = model_->embed(batch);
  expect_state(x, reference_["summer_top"][0]);
  for (std::int64_t layer = 0; layer + 1 < model_->config().n_layers; ++layer) {
    x = model_->run_blocks(x, layer, layer + 1, batch);
    expect_state(
        x, reference_["summer_top"][static_cast<std::size_t>(layer) + 1]);
  }
}

TEST_F(SmolLm2FindTest, FindsDim507OfTheStartAfterBlock11) {
  MA_REQUIRE_REFERENCE(kText);
  const auto text = read_text(testing::reference_path(kText));
  const auto sequences = cut_sequences(
      model_->tokenizer(), {text}, {.sequences = 8, .length = 512});
  const auto profile = find_massive(*model_, sequences);
  ASSERT_TRUE(profile.meets_criterion);
  EXPECT_EQ(profile.edit_layer, 11);
  const MassiveSite& site = profile.sites.front();
  EXPECT_EQ(site.dim, 507);
  EXPECT_EQ(site.token_class, TokenClass::kStart);
  EXPECT_EQ(site.first_layer, 11);
  EXPECT_EQ(site.last_layer, 27);
  EXPECT_EQ(site.count, 8);
  EXPECT_EQ(site.sequence_share, 1);

  const auto values =
      reference_["dim507_start_after_block11"].get<std::vector<double>>();
  const auto expected = at::tensor(values, torch::kFloat64);
  expect_close(
      profile.means[11][0][507].item<double>(),
      expected.mean().item<double>(),
      "mean after block 11");
  expect_close(site.mean, expected.mean().item<double>(), "mean of the site");
  expect_close(site.std, expected.std().item<double>(), "std of the site");
  expect_close(site.min, expected.min().item<double>(), "min of the site");
  expect_close(site.max, expected.max().item<double>(), "max of the site");
  const auto early = at::tensor(
      reference_["dim507_start_after_block2"].get<std::vector<double>>(),
      torch::kFloat64);
  expect_close(
      profile.means[2][0][507].item<double>(),
      early.mean().item<double>(),
      "mean after block 2");
}

} // namespace
} // namespace ma
