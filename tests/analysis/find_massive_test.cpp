#include "libma/eval/find_massive.h"

#include "tests/eval/byte_tokenizer.h"
#include "tests/tiny_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/interventions/intervention.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

const FindOptions kWithoutTokenizer{.classify_tokens = false};

class FindMassiveTest : public ::testing::Test {
 protected:
  Model model_ = testing::make_tiny_model(testing::tiny_config("llama"));
  torch::Tensor sequences_ = testing::random_ids(5, 6);
};

TEST_F(FindMassiveTest, MeansAreThoseOfTheStreams) {
  const auto profile = find_massive(model_, sequences_, kWithoutTokenizer);
  const auto cache =
      model_.run_with_cache(sequences_, {"blocks.*.resid_post"}).second;
  EXPECT_EQ(profile.n_sequences, 5);
  EXPECT_EQ(profile.length, 6);
  EXPECT_EQ(
      static_cast<std::int64_t>(profile.layers.size()),
      model_.config().n_layers);
  for (std::int64_t layer = 0; layer < model_.config().n_layers; ++layer) {
    const auto x =
        cache[c10::str("blocks.", layer, ".resid_post")].to(torch::kFloat64);
    EXPECT_TRUE(
        at::allclose(
            profile.means[layer][0], x.select(1, 0).mean(0), 1e-6, 1e-8));
    EXPECT_TRUE(
        at::allclose(
            profile.means[layer][1], x.slice(1, 1).mean({0, 1}), 1e-6, 1e-8));
  }
}

TEST_F(FindMassiveTest, TheSizeOfAPassChangesNothing) {
  const auto at_once = find_massive(model_, sequences_, kWithoutTokenizer);
  const auto one_by_one = find_massive(
      model_, sequences_, {.tokens_per_pass = 1, .classify_tokens = false});
  EXPECT_EQ(one_by_one.n_sequences, 5);
  EXPECT_TRUE(at::allclose(at_once.means, one_by_one.means, 1e-5, 1e-7));
  EXPECT_NEAR(at_once.layers[1].median, one_by_one.layers[1].median, 1e-6);
}

TEST_F(FindMassiveTest, SeesTheStreamAsInterventionsLeaveIt) {
  InterventionOptions options{
      .site = "blocks.1.resid_post", .select = Selection::at({0}, {3})};
  options.value = 5000;
  const auto handle = model_.add_hook(
      "blocks.1.resid_post", make_intervention("set_value", options));
  const auto profile = find_massive(model_, sequences_, kWithoutTokenizer);
  EXPECT_TRUE(profile.meets_criterion);
  EXPECT_EQ(profile.sites.front().dim, 3);
  EXPECT_EQ(profile.sites.front().token_class, TokenClass::kStart);
  EXPECT_EQ(profile.edit_layer, 1);
}

TEST_F(FindMassiveTest, AModelWithoutMassiveActivationsStillHasATopSite) {
  const auto profile = find_massive(model_, sequences_, kWithoutTokenizer);
  EXPECT_FALSE(profile.meets_criterion);
  EXPECT_EQ(profile.sites.size(), 1U);
  EXPECT_GE(profile.edit_layer, 0);
}

TEST_F(FindMassiveTest, LeavesNoHookBehind) {
  find_massive(model_, sequences_, kWithoutTokenizer);
  EXPECT_FALSE(model_.hooks().point("blocks.0.resid_post").active());
}

TEST_F(FindMassiveTest, CountsSequencesAndStopsWhenTheCallerThrows) {
  std::vector<std::int64_t> done;
  FindOptions options{.tokens_per_pass = 12, .classify_tokens = false};
  options.progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.total, 5);
    done.push_back(progress.done);
  };
  find_massive(model_, sequences_, options);
  EXPECT_THAT(done, ElementsAre(0, 2, 4, 5));
  options.progress = [](const Progress&) { throw std::runtime_error("stop"); };
  EXPECT_THROW(find_massive(model_, sequences_, options), std::runtime_error);
  EXPECT_FALSE(model_.hooks().point("blocks.0.resid_post").active());
}

TEST_F(FindMassiveTest, RejectsWhatAreNoSequences) {
  EXPECT_THROW(find_massive(model_, {}, kWithoutTokenizer), ShapeError);
  EXPECT_THROW(
      find_massive(model_, at::zeros({0, 4}, torch::kInt64), kWithoutTokenizer),
      ShapeError);
  EXPECT_THROW(
      find_massive(model_, at::zeros({1, 4}), kWithoutTokenizer), ShapeError);
  EXPECT_THROW(
      find_massive(
          model_, at::full({1, 4}, 1 << 30, torch::kInt64), kWithoutTokenizer),
      ShapeError);
}

TEST(TokenClassTableTest, ClassifiesEveryIdByItsText) {
  const auto table = token_class_table(testing::ByteTokenizer());
  EXPECT_EQ(table.numel(), 258);
  EXPECT_EQ(
      table['.'].item<int>(), static_cast<int>(TokenClass::kStrongDelimiter));
  EXPECT_EQ(table[','].item<int>(), static_cast<int>(TokenClass::kDelimiter));
  EXPECT_EQ(table['2'].item<int>(), static_cast<int>(TokenClass::kWeakWord));
  EXPECT_EQ(table['x'].item<int>(), static_cast<int>(TokenClass::kWord));
}

} // namespace
} // namespace ma
