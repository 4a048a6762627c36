#include "libma/hooks/token_class.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

constexpr auto kDot = static_cast<std::int8_t>(TokenClass::kStrongDelimiter);
constexpr auto kComma = static_cast<std::int8_t>(TokenClass::kDelimiter);
constexpr auto kOf = static_cast<std::int8_t>(TokenClass::kWeakWord);
constexpr auto kCat = static_cast<std::int8_t>(TokenClass::kWord);

std::vector<int> classes(const TokenBatch& batch, const torch::Tensor& table) {
  const auto found = classify_tokens(batch, table);
  const auto* data = found.const_data_ptr<std::int8_t>();
  return {data, data + found.numel()};
}

/// ids 0 to 3 are ".", ",", "of", "cat".
torch::Tensor small_table() {
  return at::tensor({int{kDot}, int{kComma}, int{kOf}, int{kCat}})
      .to(torch::kInt8);
}

TEST(TokenClassTest, TextsHaveTheClassesOfThePaper) {
  for (const auto* text : {".", " .", "\n", "\n\n", ".\n", " \n"}) {
    EXPECT_EQ(classify_text(text), TokenClass::kStrongDelimiter)
        << '"' << text << '"';
  }
  for (const auto* text : {",", " ,", "'"}) {
    EXPECT_EQ(classify_text(text), TokenClass::kDelimiter) << text;
  }
  for (const auto* text : {" and", "and", "And", " from", " of", "2"}) {
    EXPECT_EQ(classify_text(text), TokenClass::kWeakWord) << text;
  }
  for (const auto* text :
       {"",
        " ",
        "...",
        "Summer",
        " 23",
        ".x",
        "\"",
        "<|im_start|>",
        "\xEF\xBF\xBD"}) {
    EXPECT_EQ(classify_text(text), TokenClass::kWord) << text;
  }
}

TEST(TokenClassTest, TheFirstTokenIsTheStartWhateverItIs) {
  EXPECT_THAT(
      classes(at::tensor({0, 3, 0}, torch::kInt64), small_table()),
      ElementsAre(0, 4, 1));
}

TEST(TokenClassTest, OnlyTheFirstStrongDelimiterIsStrong) {
  EXPECT_THAT(
      classes(at::tensor({3, 2, 0, 1, 0, 3}, torch::kInt64), small_table()),
      ElementsAre(0, 3, 1, 2, 2, 4));
}

TEST(TokenClassTest, PaddingHasNoClassAndMovesTheStart) {
  const TokenBatch batch(
      at::tensor({0, 0, 3, 0, 3, 0, 0, 0}, torch::kInt64).view({2, 4}),
      at::tensor({0, 0, 1, 1, 1, 1, 1, 0}).view({2, 4}));
  EXPECT_THAT(
      classes(batch, small_table()), ElementsAre(-1, -1, 0, 1, 0, 1, 2, -1));
}

TEST(TokenClassTest, WithoutATableThereAreStartsAndWords) {
  EXPECT_THAT(
      classes(at::tensor({0, 0, 0}, torch::kInt64), {}), ElementsAre(0, 4, 4));
}

TEST(TokenClassTest, AnIdOutsideTheTableThrows) {
  EXPECT_THROW(
      classes(at::tensor({0, 4}, torch::kInt64), small_table()), ShapeError);
  EXPECT_THROW(
      classes(at::tensor({0, -1}, torch::kInt64), small_table()), ShapeError);
}

TEST(TokenClassTest, NamesAreThoseOfTheTables) {
  EXPECT_EQ(token_class_name(TokenClass::kStart), "start");
  EXPECT_EQ(token_class_name(TokenClass::kWord), "word");
}

} // namespace
} // namespace ma
