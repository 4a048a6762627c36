#include "libma/eval/requests.h"

#include <algorithm>

#include "tests/eval/byte_tokenizer.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kBos = 256;
constexpr std::int64_t kEos = 257;

/// Bytes, and 300 for "ab", which hides where a context ends.
class MergingTokenizer : public testing::ByteTokenizer {
 public:
  Encoding encode_with_offsets(
      std::string_view text, const EncodeOptions& options) const override {
    const auto bytes = ByteTokenizer::encode_with_offsets(text, options);
    Encoding merged;
    for (std::size_t i = 0; i < bytes.ids.size(); ++i) {
      const bool merges = i + 1 < bytes.ids.size() && bytes.ids[i] == 'a' &&
                          bytes.ids[i + 1] == 'b';
      merged.ids.push_back(merges ? 300 : bytes.ids[i]);
      merged.offsets.push_back(bytes.offsets[i]);
      i += merges ? 1 : 0;
    }
    return merged;
  }
};

/// Bytes, and the EOS for "\n".
class EndingTokenizer : public testing::ByteTokenizer {
 public:
  Encoding encode_with_offsets(
      std::string_view text, const EncodeOptions& options) const override {
    auto encoding = ByteTokenizer::encode_with_offsets(text, options);
    std::replace(
        encoding.ids.begin(), encoding.ids.end(), std::int64_t{'\n'}, kEos);
    return encoding;
  }
};

TokenRequest encode(
    const std::string& context,
    const std::string& continuation,
    const Tokenizer& tokenizer = testing::ByteTokenizer(),
    BosProfile profile = BosProfile::kLmEvalCurrent,
    std::int64_t max_positions = 100) {
  return encode_request(
      tokenizer, {context, continuation}, profile, max_positions, "request 1");
}

TEST(EncodeRequestTest, TheContinuationIsWhatTheContextLacks) {
  const auto request = encode("x", " yz");
  EXPECT_THAT(request.ids, ElementsAre('x', ' ', 'y', 'z'));
  EXPECT_EQ(request.first_target, 1);
  EXPECT_EQ(request.n_targets(), 3);
  EXPECT_THAT(request.inputs(), ElementsAre('x', ' ', 'y'));
  EXPECT_FALSE(request.is_truncated);
}

TEST(EncodeRequestTest, WhiteSpaceThatEndsTheContextMovesOver) {
  const auto request = encode("x \xc2\xa0\n", "y");
  EXPECT_THAT(request.ids, ElementsAre('x', ' ', 0xC2, 0xA0, '\n', 'y'));
  EXPECT_EQ(request.first_target, 1);
}

TEST(EncodeRequestTest, TheContextKeepsItsOwnTokensWhereTheSeamMerges) {
  const auto request = encode("xa", "bcd", MergingTokenizer());
  // The whole is x, ab, c, d: beyond the context's two tokens, c and d.
  EXPECT_THAT(request.ids, ElementsAre('x', 'a', 'c', 'd'));
  EXPECT_EQ(request.first_target, 2);
}

TEST(EncodeRequestTest, AContinuationThatMergesAwayIsAnError) {
  EXPECT_THROW(encode("xa", "b", MergingTokenizer()), ConfigError);
}

TEST(EncodeRequestTest, AnEmptyContextIsThePrefixToken) {
  EXPECT_THAT(encode("", "yz").ids, ElementsAre(kBos, 'y', 'z'));
  EXPECT_EQ(encode("", "yz").first_target, 1);
}

TEST(EncodeRequestTest, ThePrefixTokenOf2023IsTheEos) {
  const auto request =
      encode("", "yz", testing::ByteTokenizer(), BosProfile::kLmEval2023);
  EXPECT_THAT(request.ids, ElementsAre(kEos, 'y', 'z'));
}

TEST(EncodeRequestTest, AContextOfWhiteSpaceIsEmpty) {
  EXPECT_THAT(encode(" ", "y").ids, ElementsAre(kBos, ' ', 'y'));
  EXPECT_EQ(encode(" ", "y").first_target, 1);
}

TEST(EncodeRequestTest, APrefixTokenThatIsThereAlreadyIsTheContext) {
  EndingTokenizer tokenizer;
  tokenizer.bos.reset();
  const auto request = encode("", "\nyz", tokenizer);
  EXPECT_THAT(request.ids, ElementsAre(kEos, 'y', 'z'));
  EXPECT_EQ(request.n_targets(), 2);
}

TEST(EncodeRequestTest, In2023ThePrefixTokenWasPutInFrontOfItself) {
  const auto request =
      encode("", "\nyz", EndingTokenizer(), BosProfile::kLmEval2023);
  EXPECT_THAT(request.ids, ElementsAre(kEos, kEos, 'y', 'z'));
  EXPECT_EQ(request.n_targets(), 3);
}

TEST(EncodeRequestTest, NothingIsScoredWhereOnlyThePrefixTokenIsThere) {
  EndingTokenizer tokenizer;
  tokenizer.bos.reset();
  EXPECT_THROW(encode("", "\n", tokenizer), ConfigError);
}

TEST(EncodeRequestTest, ABosCountsAsContext) {
  testing::ByteTokenizer tokenizer;
  tokenizer.adds_bos = true;
  const auto request = encode("x", "y", tokenizer);
  EXPECT_THAT(request.ids, ElementsAre(kBos, 'x', 'y'));
  EXPECT_EQ(request.first_target, 2);
}

TEST(EncodeRequestTest, ThereWasNoBosIn2023) {
  testing::ByteTokenizer tokenizer;
  tokenizer.adds_bos = true;
  const auto request = encode("x", "y", tokenizer, BosProfile::kLmEval2023);
  EXPECT_THAT(request.ids, ElementsAre('x', 'y'));
}

TEST(EncodeRequestTest, AContextThatStartsWithTheBosGetsNoOther) {
  testing::ByteTokenizer tokenizer;
  tokenizer.adds_bos = true;
  EXPECT_EQ(encode("<s>x", "y", tokenizer).ids.front(), '<');
}

TEST(EncodeRequestTest, WithoutABosThereIsNoEmptyContext) {
  EXPECT_THROW(
      encode("", "y", testing::ByteTokenizer(), BosProfile::kNoBos),
      ConfigError);
}

class TruncationTest : public ::testing::Test {
 protected:
  static TokenRequest encode_within(std::int64_t max_positions) {
    return encode(
        "abcd",
        "xyz",
        testing::ByteTokenizer(),
        BosProfile::kNoBos,
        max_positions);
  }
};

TEST_F(TruncationTest, TheLastTokenTakesNoPosition) {
  const auto request = encode_within(6);
  EXPECT_EQ(request.ids.size(), 7U);
  EXPECT_FALSE(request.is_truncated);
}

TEST_F(TruncationTest, TheContextLosesItsBeginning) {
  const auto request = encode_within(4);
  EXPECT_THAT(request.ids, ElementsAre('c', 'd', 'x', 'y', 'z'));
  EXPECT_EQ(request.first_target, 2);
  EXPECT_TRUE(request.is_truncated);
}

TEST_F(TruncationTest, OneTokenOfContextIsEnough) {
  const auto request = encode_within(3);
  EXPECT_THAT(request.ids, ElementsAre('d', 'x', 'y', 'z'));
  EXPECT_EQ(request.first_target, 1);
}

TEST_F(TruncationTest, AContinuationBeyondTheWindowIsAnError) {
  try {
    encode_within(2);
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr(
            "[request 1] the continuation has 3 tokens, the model's "
            "window 2"));
  }
}

TEST(EncodeRequestTest, AnEmptyContinuationIsAnErrorThatNamesTheRequest) {
  try {
    encode("x", "");
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("[request 1] the continuation ''"));
  }
}

} // namespace
} // namespace ma
