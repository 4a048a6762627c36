#include "libma/eval/repetition.h"

#include <cmath>

#include "tests/eval/byte_tokenizer.h"
#include "tests/tiny_model.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/eval/generate.h"

namespace ma {
namespace {

TEST(RepetitionTest, IsTheShareOfNGramsThatStoodEarlier) {
  // "1 2 1 2 1": 3 of 5 tokens, 2 of 4 pairs, 1 of 3 triples stood before.
  const auto found = repetition_of({{1, 2, 1, 2, 1}});
  EXPECT_DOUBLE_EQ(found.repeated[0], 3.0 / 5);
  EXPECT_DOUBLE_EQ(found.repeated[1], 2.0 / 4);
  EXPECT_DOUBLE_EQ(found.repeated[2], 1.0 / 3);
  EXPECT_DOUBLE_EQ(found.repeated[3], 0);
  EXPECT_EQ(found.n_tokens, 5);
}

TEST(RepetitionTest, CountsEachTextByItself) {
  const auto found = repetition_of({{7, 7, 7, 7}, {7}, {1, 2}});
  EXPECT_DOUBLE_EQ(found.repeated[0], 3.0 / 7);
  EXPECT_DOUBLE_EQ(found.repeated[1], 2.0 / 4);
  EXPECT_DOUBLE_EQ(found.repeated[2], 1.0 / 2);
}

TEST(RepetitionTest, IsNaNWithoutAnyNGram) {
  const auto found = repetition_of({{1, 2}, {}});
  EXPECT_DOUBLE_EQ(found.repeated[1], 0);
  EXPECT_TRUE(std::isnan(found.repeated[2]));
  EXPECT_TRUE(std::isnan(repetition_of({}).repeated[0]));
}

TEST(RepetitionTest, PromptsAreTheBeginningsOfWindows) {
  const auto windows = make_windows({0, 1, 2, 3, 4, 5, 6, 7}, {.window = 4});
  EXPECT_EQ(
      window_prompts(windows, 2, 3),
      (std::vector<TokenIds>{{0, 1, 2}, {4, 5, 6}}));
  EXPECT_THROW(window_prompts(windows, 3, 3), ConfigError);
  EXPECT_THROW(window_prompts(windows, 1, 5), ConfigError);
  EXPECT_THROW(window_prompts(windows, 0, 3), ConfigError);
}

TEST(RepetitionTest, IsThatOfTheGreedyContinuations) {
  const auto model = testing::make_tiny_model(testing::tiny_config("llama"));
  const testing::ByteTokenizer tokenizer;
  const std::vector<TokenIds> prompts = {{1, 2, 3}, {9, 8, 7, 6}};
  const auto edit = make_intervention(
      "set_value",
      {.site = "blocks.1.resid_post",
       .select = Selection::at({0}, {3}),
       .value = 30});
  std::vector<TokenIds> texts;
  for (const Generation& made : generate(
           model,
           prompts,
           {.max_new_tokens = 12, .edits = {edit}, .tokenizer = &tokenizer})) {
    texts.push_back(made.ids);
  }
  const auto expected = repetition_of(texts);
  const auto found = measure_repetition(
      model, prompts, {edit}, {.new_tokens = 12, .tokenizer = &tokenizer});
  EXPECT_EQ(found.repeated, expected.repeated);
  EXPECT_EQ(found.n_tokens, expected.n_tokens);
}

} // namespace
} // namespace ma
