#include "libma/io/tokenizer/tokenizer.h"

#include "tokenizer_test_support.h"

namespace ma {
namespace {

using testing::added_token;
using testing::covered;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Json;
using testing::kHello;
using testing::kSpaceHello;
using testing::kTinyVocab;
using testing::load_json;
using testing::message_of;
using testing::tiny_json;
using Ids = std::vector<std::int64_t>;

TEST(TokenizerTest, MergesByRankAndReportsBytes) {
  const auto tokenizer = load_json(tiny_json());
  const Encoding encoding = tokenizer->encode_with_offsets("hello hello hell");
  EXPECT_EQ(encoding.ids, (Ids{kHello, kSpaceHello, ' ', 258}));
  EXPECT_THAT(
      covered("hello hello hell", encoding),
      ElementsAre("hello", " hello", " ", "hell"));
}

TEST(TokenizerTest, TheLeftmostOfEqualPairsMergesFirst) {
  // aaa -> aa a, never a aa; seven: aaaa aa a.
  const auto tokenizer = load_json(tiny_json());
  EXPECT_EQ(
      tokenizer->encode_with_offsets("aaaaaaa").ids, (Ids{263, 262, 'a'}));
}

TEST(TokenizerTest, LongPiecesMergeAsShortOnesDo) {
  const auto tokenizer = load_json(tiny_json());
  const std::size_t length =
      400003; // far beyond what a quadratic merge would finish
  const Encoding encoding =
      tokenizer->encode_with_offsets(std::string(length, 'a'));
  ASSERT_EQ(encoding.ids.size(), 100002U);
  EXPECT_EQ(std::count(encoding.ids.begin(), encoding.ids.end(), 263), 100000);
  EXPECT_EQ(encoding.ids[100000], 262);
  EXPECT_EQ(encoding.ids[100001], 'a');
  EXPECT_EQ(
      encoding.offsets.back(),
      (std::pair<std::size_t, std::size_t>{length - 1, length}));
}

TEST(TokenizerTest, TokensInsideACharacterCoverAllOfIt) {
  const auto tokenizer = load_json(tiny_json());
  const std::string text = "x\u00e9y";
  const Encoding encoding = tokenizer->encode_with_offsets(text);
  EXPECT_EQ(encoding.ids, (Ids{'x', 0xC3, 0xA9, 'y'}));
  EXPECT_THAT(
      covered(text, encoding), ElementsAre("x", "\u00e9", "\u00e9", "y"));
}

TEST(TokenizerTest, DecodesBytesThatAreNotUtf8ToReplacementCharacters) {
  const auto tokenizer = load_json(tiny_json());
  EXPECT_EQ(
      tokenizer->decode(Ids{kHello, 0xE2, 0x82, 'x', 0xFF, 0xFE, 0xC3, 0xA9}),
      "hello\uFFFDx\uFFFD\uFFFD\u00e9");
}

TEST(TokenizerTest, SpecialTokensAreParsedSkippedOrLeftAsText) {
  const auto tokenizer = load_json(tiny_json());
  const std::string text = "hello<|end|>";
  const Ids ids = tokenizer->encode_with_offsets(text).ids;
  EXPECT_EQ(ids, (Ids{kHello, kTinyVocab}));
  EXPECT_EQ(tokenizer->decode(ids), text);
  EXPECT_EQ(tokenizer->decode(ids, /*skip_special=*/true), "hello");
  const Ids plain =
      tokenizer->encode_with_offsets(text, {.parse_special = false}).ids;
  EXPECT_EQ(plain, (Ids{kHello, '<', '|', 'e', 'n', 'd', '|', '>'}));
}

TEST(TokenizerTest, BytesWithoutATokenVanishOrBecomeUnknown) {
  Json json = tiny_json();
  json["model"]["vocab"].erase("x");
  json["model"]["vocab"]["<unk>"] = 'x';
  EXPECT_EQ(load_json(json)->encode_with_offsets("axxb").ids, (Ids{'a', 'b'}));
  json["model"]["unk_token"] = "<unk>";
  EXPECT_EQ(
      load_json(json)->encode_with_offsets("axxb").ids,
      (Ids{'a', 'x', 'x', 'b'}));
  json["model"]["fuse_unk"] = true;
  const Encoding fused = load_json(json)->encode_with_offsets("axxb");
  EXPECT_EQ(fused.ids, (Ids{'a', 'x', 'b'}));
  EXPECT_THAT(covered("axxb", fused), ElementsAre("a", "xx", "b"));
}

TEST(TokenizerTest, IgnoreMergesKeepsPiecesThatAreTokens) {
  Json json = tiny_json();
  json["model"]["vocab"]["xyz"] = 264;
  json["added_tokens"][0]["id"] = 265;
  EXPECT_EQ(
      load_json(json)->encode_with_offsets("xyz").ids, (Ids{'x', 'y', 'z'}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(load_json(json)->encode_with_offsets("xyz").ids, (Ids{264}));
}

TEST(TokenizerTest, RefusesTextThatIsNotUtf8) {
  const auto tokenizer = load_json(tiny_json());
  const std::string message =
      message_of<Error>([&] { tokenizer->encode("abc\xC3("); });
  EXPECT_THAT(message, HasSubstr("not UTF-8 at byte 3 of 5"));
}

TEST(TokenizerTest, RefusesIdsOutOfRange) {
  const auto tokenizer = load_json(tiny_json());
  for (const std::int64_t id : {std::int64_t{-1}, kTinyVocab + 1}) {
    EXPECT_THAT(
        message_of<ShapeError>([&] { tokenizer->decode(Ids{id}); }),
        HasSubstr("no token with id " + std::to_string(id)));
  }
}

TEST(TokenizerTest, TensorsCarryTheSameIds) {
  const auto tokenizer = load_json(tiny_json());
  const torch::Tensor ids = tokenizer->encode("hello hello");
  EXPECT_EQ(ids.scalar_type(), torch::kInt64);
  EXPECT_EQ(ids.sizes(), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(tokenizer->decode(ids), "hello hello");
  EXPECT_EQ(tokenizer->encode("").sizes(), (std::vector<std::int64_t>{0}));
  EXPECT_THROW(tokenizer->decode(ids.to(torch::kFloat32)), ShapeError);
  EXPECT_THROW(tokenizer->decode(ids.unsqueeze(0)), ShapeError);
}

TEST(TokenizerTest, NoBosUnlessAskedFor) {
  Json json = tiny_json();
  EXPECT_THROW(load_json(json)->encode("x", {.add_bos = true}), ConfigError);
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single",
       Json::array(
           {{{"SpecialToken", {{"id", "<|end|>"}, {"type_id", 0}}}},
            {{"Sequence", {{"id", "A"}}}}})}};
  const auto tokenizer = load_json(json);
  EXPECT_TRUE(tokenizer->adds_bos_by_default());
  EXPECT_EQ(tokenizer->encode_with_offsets("x").ids, (Ids{'x'}));
  const Encoding encoding =
      tokenizer->encode_with_offsets("x", {.add_bos = true});
  EXPECT_EQ(encoding.ids, (Ids{kTinyVocab, 'x'}));
  EXPECT_THAT(covered("x", encoding), ElementsAre("", "x"));
}

/// Added tokens by their flags, in the text " a b c ": where "b" is found and
/// what it takes along.
TEST(AddedTokenTest, StripsWhiteSpaceWhereAsked) {
  const std::string text = "a  X \u3000b";
  const auto parts = [&](const Json& flags) {
    Json json = tiny_json();
    json["added_tokens"].push_back(added_token('X', "X", flags));
    return covered(text, load_json(json)->encode_with_offsets(text));
  };
  EXPECT_THAT(
      parts({{"lstrip", true}, {"rstrip", true}}),
      ElementsAre("a", "  X \u3000", "b"));
  EXPECT_EQ(parts({{"rstrip", true}}).at(2), "X \u3000");
  EXPECT_EQ(parts({{"lstrip", true}}).at(1), "  X");
}

TEST(AddedTokenTest, SingleWordsNeedAnEdgeOnBothSides) {
  Json json = tiny_json();
  json["added_tokens"].push_back(
      added_token(kTinyVocab + 1, "hello", {{"single_word", true}}));
  json["added_tokens"][1]["id"] = kHello;
  json["added_tokens"][1]["content"] = "hello";
  json["added_tokens"].push_back(
      added_token(kTinyVocab + 1, "XY", {{"single_word", true}}));
  const auto tokenizer = load_json(json);
  EXPECT_EQ(
      tokenizer->encode_with_offsets("(XY)").ids,
      (Ids{'(', kTinyVocab + 1, ')'}));
  EXPECT_EQ(tokenizer->encode_with_offsets("\u00e9XY").ids.back(), 'Y');
  EXPECT_EQ(tokenizer->encode_with_offsets("XY_").ids.front(), 'X');
}

TEST(AddedTokenTest, TheLongestOfThoseThatStartTogetherWins) {
  Json json = tiny_json();
  json["added_tokens"].push_back(added_token(kTinyVocab + 1, "<|"));
  json["added_tokens"].push_back(added_token(kTinyVocab + 2, "<|end|>!"));
  EXPECT_EQ(
      load_json(json)->encode_with_offsets("<|end|>!<|end|><|en").ids,
      (Ids{kTinyVocab + 2, kTinyVocab, kTinyVocab + 1, 'e', 'n'}));
}

TEST(AddedTokenTest, NormalizedOnesAreFoundInTheNormalisedText) {
  Json json = tiny_json();
  json["normalizer"] = {{"type", "NFC"}};
  json["added_tokens"].push_back(
      added_token(kTinyVocab + 1, "e\u0301!", {{"normalized", true}}));
  const auto tokenizer = load_json(json);
  EXPECT_EQ(
      tokenizer->encode_with_offsets("\u00e9!").ids, (Ids{kTinyVocab + 1}));
  EXPECT_EQ(
      tokenizer->encode_with_offsets("e\u0301!").ids, (Ids{kTinyVocab + 1}));
  json["added_tokens"][1]["normalized"] = false;
  EXPECT_NE(
      load_json(json)->encode_with_offsets("\u00e9!").ids,
      (Ids{kTinyVocab + 1}));
}

TEST(OffsetTest, TrimmingLeavesSpacesOut) {
  Json json = tiny_json();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  json["post_processor"] = {
      {"type", "ByteLevel"},
      {"add_prefix_space", true},
      {"trim_offsets", true}};
  const std::string text = "hello hello   x";
  const Encoding encoding = load_json(json)->encode_with_offsets(text);
  EXPECT_EQ(encoding.ids, (Ids{kSpaceHello, kSpaceHello, 261, ' ', 'x'}));
  EXPECT_THAT(
      covered(text, encoding), ElementsAre("hello", "hello", "", "", "x"));
}

} // namespace
} // namespace ma
