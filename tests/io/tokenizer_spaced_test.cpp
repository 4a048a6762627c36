// SentencePiece's family: BPE over characters, unigram models, and their
// stages.
#include "tokenizer_test_support.h"

#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/normalizer.h"

namespace ma {
namespace {

using testing::added_token;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Json;
using testing::load_json;
using testing::message_of;
using Ids = std::vector<std::int64_t>;

constexpr const char* kSpace = "\u2581";

Json metaspace(const std::string& scheme, bool split) {
  return {
      {"type", "Metaspace"},
      {"replacement", kSpace},
      {"prepend_scheme", scheme},
      {"split", split}};
}

/// Ids: 0 <unk>, 1 the space, then a, b, c, "ab", "▁ab", "bc".
Json spaced_json() {
  const std::string space = kSpace;
  return {
      {"added_tokens",
       Json::array({added_token(0, "<unk>", {{"special", true}})})},
      {"pre_tokenizer", metaspace("always", true)},
      {"decoder", metaspace("always", true)},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"vocab",
         {{"<unk>", 0},
          {space, 1},
          {"a", 2},
          {"b", 3},
          {"c", 4},
          {"ab", 5},
          {space + "ab", 6},
          {"bc", 7}}},
        {"merges", Json::array({"a b", Json::array({space, "ab"}), "b c"})}}}};
}

Ids ids_of(const Json& json, const std::string& text) {
  return load_json(json)->encode_with_offsets(text).ids;
}

TEST(CharBpeTest, MergesCharactersByRank) {
  EXPECT_EQ(ids_of(spaced_json(), "ab abc bc"), (Ids{6, 6, 4, 1, 7}));
}

TEST(CharBpeTest, CutsNothingThatAMergeJoins) {
  // "b" and "c" merge only where "a" has not taken the "b".
  Json json = spaced_json();
  json["pre_tokenizer"] = nullptr;
  EXPECT_EQ(ids_of(json, "abcbcab"), (Ids{5, 4, 7, 5}));
  json["model"]["merges"] = Json::array({"b c", "a b"});
  EXPECT_EQ(ids_of(json, "abcab"), (Ids{2, 7, 5}));
}

TEST(CharBpeTest, UnknownCharactersFuseWhereAsked) {
  Json json = spaced_json();
  EXPECT_EQ(ids_of(json, "axyb"), (Ids{1, 2, 0, 0, 3}));
  json["model"]["fuse_unk"] = true;
  const auto tokenizer = load_json(json);
  const Encoding fused = tokenizer->encode_with_offsets("axyb");
  EXPECT_EQ(fused.ids, (Ids{1, 2, 0, 3}));
  EXPECT_THAT(
      testing::covered("axyb", fused), ElementsAre("a", "a", "xy", "b"));
}

TEST(CharBpeTest, FallsBackToBytesOnlyWhereAllAreThere) {
  Json json = spaced_json();
  json["model"]["byte_fallback"] = true;
  json["model"]["vocab"]["<0xC3>"] = 8;
  EXPECT_EQ(ids_of(json, "a\u00e9"), (Ids{1, 2, 0}));
  json["model"]["vocab"]["<0xA9>"] = 9;
  const Encoding encoding = load_json(json)->encode_with_offsets("a\u00e9");
  EXPECT_EQ(encoding.ids, (Ids{1, 2, 8, 9}));
  EXPECT_THAT(
      testing::covered("a\u00e9", encoding),
      ElementsAre("a", "a", "\u00e9", "\u00e9"));
}

TEST(CharBpeTest, MergesOfByteTokensSwitchCuttingOff) {
  Json json = spaced_json();
  json["model"]["byte_fallback"] = true;
  json["model"]["vocab"]["<0x78>"] = 8;
  json["model"]["vocab"]["<0x78>a"] = 9;
  json["model"]["merges"].push_back("<0x78> a");
  EXPECT_EQ(ids_of(json, "xab"), (Ids{1, 8, 5}));
  EXPECT_EQ(ids_of(json, "xac"), (Ids{1, 9, 4}));
}

TEST(MergesByRankTest, JoinWhatMakesTheBestToken) {
  tok::BpeData data;
  data.vocab = {{"a", 0}, {"b", 1}, {"ab", 2}, {"aba", 3}, {"x", 4}};
  tok::add_merges_by_rank(data, {5, 6, 7, 1, std::nullopt});
  std::vector<std::string> made;
  for (const tok::BpeMerge& merge : data.merges) {
    made.push_back(
        merge.left + "+" + merge.right + "@" + std::to_string(merge.rank));
  }
  EXPECT_THAT(made, ElementsAre("a+b@7", "ab+a@1"));
}

TEST(MetaspaceTest, PrependsByItsScheme) {
  const auto ids = [](const char* scheme, const std::string& text) {
    Json json = spaced_json();
    json["pre_tokenizer"] = metaspace(scheme, true);
    return ids_of(json, text);
  };
  EXPECT_EQ(ids("always", "a<unk>a"), (Ids{1, 2, 0, 1, 2}));
  EXPECT_EQ(ids("first", "a<unk>a"), (Ids{1, 2, 0, 2}));
  EXPECT_EQ(ids("never", "a<unk>a"), (Ids{2, 0, 2}));
  EXPECT_EQ(ids("always", " a"), (Ids{1, 2}));
  EXPECT_EQ(ids("always", std::string(kSpace) + "a"), (Ids{1, 2}));
}

TEST(MetaspaceTest, DecodesWithoutTheSpaceInFront) {
  const auto tokenizer = load_json(spaced_json());
  EXPECT_EQ(tokenizer->decode(Ids{6, 1, 7}), "ab bc");
  Json json = spaced_json();
  json["decoder"] = metaspace("never", true);
  EXPECT_EQ(load_json(json)->decode(Ids{6, 7}), " abbc");
}

/// Scores make "ab" better than "a" "b", and "a" "bc" better than "ab" "c".
Json unigram_json() {
  Json json = spaced_json();
  json["pre_tokenizer"] = nullptr;
  json["model"] = {
      {"type", "Unigram"},
      {"unk_id", 0},
      {"vocab",
       Json::array(
           {{"<unk>", 0.0},
            {"a", -2.0},
            {"b", -2.0},
            {"c", -3.0},
            {"ab", -3.0},
            {"bc", -3.5}})}};
  return json;
}

TEST(UnigramTest, TakesTheBestPath) {
  EXPECT_EQ(ids_of(unigram_json(), "ab"), (Ids{4}));
  EXPECT_EQ(ids_of(unigram_json(), "abc"), (Ids{1, 5}));
}

TEST(UnigramTest, FusesUnknownCharacters) {
  const Encoding encoding =
      load_json(unigram_json())->encode_with_offsets("a\u00e9\u00e9b");
  EXPECT_EQ(encoding.ids, (Ids{1, 0, 2}));
  EXPECT_THAT(
      testing::covered("a\u00e9\u00e9b", encoding),
      ElementsAre("a", "\u00e9\u00e9", "b"));
}

TEST(UnigramTest, RefusesTextWithoutAnUnknownToken) {
  Json json = unigram_json();
  json["model"]["unk_id"] = nullptr;
  const auto tokenizer = load_json(json);
  EXPECT_THAT(
      message_of<Error>([&] { tokenizer->encode("ax"); }),
      HasSubstr("the vocabulary has neither 'x' nor an unknown token"));
  json["model"]["unk_id"] = 6;
  EXPECT_THAT(
      message_of<ConfigError>([&] { load_json(json); }),
      HasSubstr("unk_id is 6"));
}

std::string normalized(
    const tok::NormalizerPtr& normalizer, const std::string& text) {
  return std::string(normalizer->normalize(tok::AlignedText(text, 0)).view());
}

TEST(NormalizerTest, ChangesWhatItSays) {
  EXPECT_EQ(normalized(tok::make_prepend("_"), "a"), "_a");
  EXPECT_EQ(normalized(tok::make_prepend("_"), ""), "");
  EXPECT_EQ(
      normalized(
          tok::make_replace(tok::make_literal_matcher("ab"), ""), "cabd"),
      "cd");
  EXPECT_EQ(normalized(tok::make_strip(true, false), " \u3000a "), "a ");
  EXPECT_EQ(normalized(tok::make_strip(true, true), "  "), "");
  EXPECT_EQ(
      normalized(tok::make_lowercase(), "\u0130\u00C9A"), "i\u0307\u00e9a");
  EXPECT_EQ(normalized(tok::make_strip_accents(), "e\u0301\u0301a"), "ea");
  EXPECT_EQ(normalized(tok::make_nmt(), "\u0001a\u200Bb\n"), "a b ");
  const auto form = [](tok::UnicodeForm which) {
    return normalized(tok::make_unicode_form(which), "\u00e9\uFB01");
  };
  EXPECT_EQ(form(tok::UnicodeForm::kNfkc), "\u00e9fi");
  EXPECT_EQ(form(tok::UnicodeForm::kNfkd), "e\u0301fi");
  EXPECT_EQ(form(tok::UnicodeForm::kNfd), "e\u0301\uFB01");
}

TEST(NormalizerTest, RefusesDamagedCharsmaps) {
  for (const std::string& bytes :
       {std::string("abc"),
        std::string("\4\0\0\0", 4),
        std::string(12, '\0')}) {
    EXPECT_THAT(
        message_of<FileError>([&] { tok::make_charsmap(bytes, "here"); }),
        HasSubstr("[here] precompiled_charsmap is no table"));
  }
}

TEST(DecoderTest, ReadsBytesAndReplacesBadOnes) {
  Json json = spaced_json();
  json["decoder"] = {
      {"type", "Sequence"},
      {"decoders",
       Json::array({{{"type", "ByteFallback"}}, {{"type", "Fuse"}}})}};
  Json& vocab = json["model"]["vocab"];
  vocab["<0xC3>"] = 8;
  vocab["<0xA9>"] = 9;
  const auto tokenizer = load_json(json);
  EXPECT_EQ(tokenizer->decode(Ids{2, 8, 9, 3}), "a\u00e9b");
  EXPECT_EQ(tokenizer->decode(Ids{2, 8, 8, 3}), "a\uFFFD\uFFFDb");
}

TEST(DecoderTest, WithoutOneTokensAreSpaced) {
  Json json = spaced_json();
  json["decoder"] = nullptr;
  EXPECT_EQ(load_json(json)->decode(Ids{2, 3}), "a b");
}

} // namespace
} // namespace ma
