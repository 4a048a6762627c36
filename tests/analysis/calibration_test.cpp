#include "libma/eval/calibration.h"

#include "tests/eval/byte_tokenizer.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using testing::ByteTokenizer;

ByteTokenizer tokenizer_that_adds_a_bos() {
  ByteTokenizer tokenizer;
  tokenizer.adds_bos = true;
  return tokenizer;
}

ByteTokenizer tokenizer_without_bos() {
  ByteTokenizer tokenizer;
  tokenizer.bos = std::nullopt;
  return tokenizer;
}

std::vector<std::int64_t> row(
    const torch::Tensor& sequences, std::int64_t number) {
  const auto* data =
      sequences.const_data_ptr<std::int64_t>() + number * sequences.size(1);
  return {data, data + sequences.size(1)};
}

TEST(CutSequencesTest, JoinedTextsAreCutIntoChunks) {
  const auto cut = cut_sequences(
      tokenizer_that_adds_a_bos(),
      {"abc", "de"},
      {.sequences = 2, .length = 3});
  EXPECT_THAT(row(cut, 0), ElementsAre('a', 'b', 'c'));
  EXPECT_THAT(row(cut, 1), ElementsAre('\n', '\n', 'd'))
      << "no BOS, though the checkpoint would add one";
}

TEST(CutSequencesTest, DocumentsAreTheBeginningsOfLongTexts) {
  const auto cut = cut_sequences(
      ByteTokenizer(),
      {"abcdef", "gh", "ijk"},
      {.sequences = 2, .length = 3, .mode = CutMode::kDocuments});
  EXPECT_THAT(row(cut, 0), ElementsAre('a', 'b', 'c'));
  EXPECT_THAT(row(cut, 1), ElementsAre('i', 'j', 'k'));
}

TEST(CutSequencesTest, ABosCountsIntoTheLength) {
  const auto cut = cut_sequences(
      ByteTokenizer(),
      {"abcdef"},
      {.sequences = 2, .length = 3, .add_bos = true});
  EXPECT_THAT(row(cut, 0), ElementsAre(256, 'a', 'b'));
  EXPECT_THAT(row(cut, 1), ElementsAre(256, 'c', 'd'));
}

TEST(CutSequencesTest, ManyTextsGiveTheSameAsOneLongOne) {
  std::vector<std::string> texts;
  std::string joined;
  for (int i = 0; i < 500; ++i) {
    texts.push_back("text number " + std::to_string(i));
    joined += (i == 0 ? "" : "\n\n") + texts.back();
  }
  const CutOptions options{.sequences = 7, .length = 100};
  EXPECT_TRUE(
      at::equal(
          cut_sequences(ByteTokenizer(), texts, options),
          cut_sequences(ByteTokenizer(), {joined}, options)));
}

TEST(CutSequencesTest, TooLittleTextIsAnErrorThatCounts) {
  for (const auto mode : {CutMode::kJoined, CutMode::kDocuments}) {
    try {
      cut_sequences(
          ByteTokenizer(),
          {"abc"},
          {.sequences = 2, .length = 3, .mode = mode});
      FAIL();
    } catch (const ConfigError& error) {
      EXPECT_THAT(
          error.what(), HasSubstr("have only 1 sequences of 3 tokens, not 2"));
    }
  }
}

TEST(CutSequencesTest, ImpossibleOptionsAreErrors) {
  EXPECT_THROW(
      cut_sequences(ByteTokenizer(), {"abc"}, {.sequences = 0, .length = 1}),
      ConfigError);
  EXPECT_THROW(
      cut_sequences(ByteTokenizer(), {"abc"}, {.sequences = 1, .length = 0}),
      ConfigError);
  EXPECT_THROW(
      cut_sequences(
          ByteTokenizer(),
          {"abc"},
          {.sequences = 1, .length = 1, .add_bos = true}),
      ConfigError);
  EXPECT_THROW(
      cut_sequences(
          tokenizer_without_bos(),
          {"abc"},
          {.sequences = 1, .length = 2, .add_bos = true}),
      ConfigError);
}

TEST(CutModeTest, NamesReadBack) {
  EXPECT_EQ(parse_cut_mode("joined", "x.yaml:1"), CutMode::kJoined);
  EXPECT_EQ(parse_cut_mode("documents", "x.yaml:1"), CutMode::kDocuments);
  EXPECT_THROW(parse_cut_mode("document", "x.yaml:1"), UnknownNameError);
}

} // namespace
} // namespace ma
