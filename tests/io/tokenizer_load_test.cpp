#include <array>

#include "tokenizer_test_support.h"

namespace ma {
namespace {

using testing::added_token;
using testing::bytes_of;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::Json;
using testing::kHello;
using testing::kTinyVocab;
using testing::load_json;
using testing::message_of;
using testing::TempDir;
using testing::tiny_json;
using Ids = std::vector<std::int64_t>;

std::string refusal(const Json& json) {
  return message_of<ConfigError>([&] { load_json(json); });
}

TEST(LoadTokenizerTest, NamesTheStageThatItDoesNotSupport) {
  for (const auto& [key, type, message] :
       std::vector<std::array<std::string, 3>>{
           {"pre_tokenizer", "UnicodeScripts", "the pre-tokenizer"},
           {"normalizer", "BertNormalizer", "the normalizer"},
           {"decoder", "WordPiece", "the decoder"},
           {"post_processor", "Unheard", "the post-processor"},
           {"model", "WordPiece", "the model"}}) {
    Json json = tiny_json();
    json[key] = json[key].is_null() ? Json::object() : json[key];
    json[key]["type"] = type;
    EXPECT_THAT(
        refusal(json),
        HasSubstr(message + " '" + type + "' is not supported; known: "));
  }
}

TEST(LoadTokenizerTest, RefusesStagesThatDoNotGoTogether) {
  const Json metaspace = {{"type", "Metaspace"}, {"replacement", "_"}};
  Json json = tiny_json();
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers", Json::array({json["pre_tokenizer"], metaspace})}};
  EXPECT_THAT(refusal(json), HasSubstr("Metaspace behind ByteLevel"));
  json = tiny_json();
  json["pre_tokenizer"] = metaspace;
  json["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_THAT(refusal(json), HasSubstr("end_of_word_suffix without ByteLevel"));
  json = tiny_json();
  json["model"]["byte_fallback"] = true;
  EXPECT_THAT(refusal(json), HasSubstr("byte_fallback behind ByteLevel"));
  json = tiny_json();
  json["model"] = {{"type", "Unigram"}, {"vocab", Json::array()}};
  EXPECT_THAT(refusal(json), HasSubstr("Unigram model behind ByteLevel"));
}

TEST(LoadTokenizerTest, RefusesAmbiguousMetaspaces) {
  const auto message = [](const Json& options) {
    Json json = tiny_json();
    json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}};
    json["pre_tokenizer"].update(options);
    return refusal(json);
  };
  EXPECT_THAT(
      message({{"prepend_scheme", "often"}}),
      HasSubstr("always, first, never"));
  EXPECT_THAT(
      message({{"prepend_scheme", "first"}, {"add_prefix_space", false}}),
      HasSubstr("keep one of the two"));
  EXPECT_THAT(message({{"replacement", "__"}}), HasSubstr("not one character"));
}

TEST(LoadTokenizerTest, RefusesOptionsThatWouldChangeIds) {
  const Json options = {{"dropout", 0.1}, {"continuing_subword_prefix", "##"}};
  for (const auto& [key, value] : options.items()) {
    Json json = tiny_json();
    json["model"][key] = value;
    EXPECT_THAT(refusal(json), HasSubstr("not supported")) << key;
  }
}

TEST(LoadTokenizerTest, RefusesDamagedVocabularies) {
  Json json = tiny_json();
  json["model"]["merges"].push_back("he xyz");
  EXPECT_THAT(refusal(json), HasSubstr("'hexyz' is not in the vocabulary"));
  json = tiny_json();
  json["model"]["unk_token"] = "<nowhere>";
  EXPECT_THAT(refusal(json), HasSubstr("'<nowhere>' is not in the vocabulary"));
  json = tiny_json();
  json["added_tokens"][0]["id"] = 9;
  EXPECT_THAT(
      refusal(json), HasSubstr("has id 9 and Hugging Face numbers it 264"));
  json = tiny_json();
  json["model"]["merges"][0] = "h e y";
  EXPECT_THAT(
      message_of<FileError>([&] { load_json(json); }),
      HasSubstr("'h e y' is not two tokens"));
  json = tiny_json();
  json["model"]["vocab"]["zz"] = 4000000000U;
  EXPECT_THAT(
      message_of<FileError>([&] { load_json(json); }),
      HasSubstr("has id 4000000000"));
  json = tiny_json();
  json["model"]["vocab"] = "none";
  EXPECT_THAT(
      message_of<FileError>([&] { load_json(json); }),
      HasSubstr("model.vocab is no object"));
  json = tiny_json();
  json["added_tokens"][0].erase("lstrip");
  EXPECT_THAT(
      message_of<FileError>([&] { load_json(json); }),
      HasSubstr("is not a tokenizer.json"));
}

TEST(LoadTokenizerTest, MergesMayBePairs) {
  Json json = tiny_json();
  for (Json& merge : json["model"]["merges"]) {
    const std::string text = merge;
    merge = Json::array(
        {text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)});
  }
  EXPECT_EQ(load_json(json)->encode_with_offsets("hello").ids, (Ids{kHello}));
}

TEST(LoadTokenizerTest, SaysWhatIsMissing) {
  const TempDir folder;
  EXPECT_THAT(
      message_of<FileError>([&] { load_tokenizer(folder.path()); }),
      HasSubstr("holds no tokenizer.json and no tokenizer.model"));
  EXPECT_THAT(
      message_of<FileError>([&] { load_tokenizer(folder.path() / "no"); }),
      HasSubstr("does not exist"));
  EXPECT_THAT(
      message_of<ConfigError>(
          [&] { load_tokenizer(folder.write("a.txt", "")); }),
      HasSubstr("is no tokenizer"));
}

/// BOS and EOS of a folder with these files beside tokenizer.json.
std::pair<std::optional<std::int64_t>, std::optional<std::int64_t>> edges(
    const Json& files) {
  const TempDir folder;
  folder.write("tokenizer.json", tiny_json().dump());
  for (const auto& [name, content] : files.items()) {
    folder.write(name, content.dump());
  }
  const auto tokenizer = load_tokenizer(folder.path());
  return {tokenizer->bos_id(), tokenizer->eos_id()};
}

TEST(EdgeTokensTest, TheTokenizersOwnWordCounts) {
  const Json config = {{"bos_token_id", 7}, {"eos_token_id", {8, 9}}};
  EXPECT_EQ(
      edges({}),
      std::pair(std::optional<std::int64_t>(), std::optional<std::int64_t>()));
  EXPECT_EQ(edges({{"config.json", config}}).first, 7);
  EXPECT_EQ(edges({{"config.json", config}}).second, 8);
  EXPECT_EQ(
      edges({{"config.json", config},
             {"generation_config.json", {{"bos_token_id", 5}}}})
          .first,
      5);
  EXPECT_EQ(
      edges({{"config.json", config},
             {"tokenizer_config.json",
              {{"bos_token", {{"content", "<|end|>"}}}}}})
          .first,
      kTinyVocab);
  EXPECT_EQ(
      edges({{"config.json", config},
             {"tokenizer_config.json", {{"bos_token", nullptr}}}})
          .first,
      std::nullopt);
  EXPECT_EQ(
      edges({{"config.json", config},
             {"special_tokens_map.json", {{"eos_token", "hello"}}}})
          .second,
      kHello);
  EXPECT_EQ(
      edges({{"config.json", config},
             {"tokenizer_config.json",
              {{"tokenizer_class", "PreTrainedTokenizerFast"}}}})
          .first,
      std::nullopt);
}

TEST(EdgeTokensTest, RefusesATokenOutsideTheVocabulary) {
  EXPECT_THAT(
      message_of<ConfigError>(
          [] { edges({{"tokenizer_config.json", {{"bos_token", "<s>"}}}}); }),
      HasSubstr("'<s>' is not in the vocabulary"));
}

/// The tiny vocabulary as the metadata of a GGUF file, "<|end|>" a control
/// token and "XX" a user-defined one.
GgufBuilder tiny_gguf(
    const std::string& pre, const std::string& model = "gpt2") {
  constexpr std::uint32_t kBool = 7, kString = 8, kArray = 9, kUint32 = 4,
                          kInt32 = 5;
  const Json json = tiny_json();
  std::vector<std::string> tokens(kTinyVocab + 2);
  for (const auto& [token, id] : json["model"]["vocab"].items()) {
    tokens[id.get<std::size_t>()] = token;
  }
  tokens[kTinyVocab] = "<|end|>";
  tokens[kTinyVocab + 1] = "XX";
  std::vector<std::int32_t> types(tokens.size(), 1);
  types[kTinyVocab] = 3;
  types[kTinyVocab + 1] = 4;
  const auto strings = [](const auto& values) {
    std::string bytes =
        bytes_of<std::uint32_t>(8) + bytes_of<std::uint64_t>(values.size());
    for (const auto& value : values) {
      bytes += GgufBuilder::text(std::string(value));
    }
    return bytes;
  };
  GgufBuilder builder;
  builder.pair("tokenizer.ggml.model", kString, GgufBuilder::text(model));
  builder.pair("tokenizer.ggml.pre", kString, GgufBuilder::text(pre));
  builder.pair("tokenizer.ggml.tokens", kArray, strings(tokens));
  builder.pair(
      "tokenizer.ggml.merges",
      kArray,
      strings(json["model"]["merges"].get<std::vector<std::string>>()));
  builder.pair(
      "tokenizer.ggml.token_type",
      kArray,
      bytes_of(kInt32) + bytes_of<std::uint64_t>(types.size()) +
          bytes_of(types));
  builder.pair(
      "tokenizer.ggml.bos_token_id",
      kUint32,
      bytes_of<std::uint32_t>(kTinyVocab));
  builder.pair("tokenizer.ggml.add_bos_token", kBool, bytes_of(true));
  return builder;
}

std::unique_ptr<Tokenizer> load_gguf(const GgufBuilder& builder) {
  const TempDir folder;
  return load_tokenizer(folder.write("tiny.gguf", builder.bytes()));
}

TEST(GgufTokenizerTest, ReadsTokensTypesAndEdges) {
  const auto tokenizer = load_gguf(tiny_gguf("smollm"));
  const Ids ids = tokenizer->encode_with_offsets("hello 12<|end|>XX").ids;
  EXPECT_EQ(ids, (Ids{kHello, ' ', '1', '2', kTinyVocab, kTinyVocab + 1}));
  EXPECT_EQ(tokenizer->decode(ids, /*skip_special=*/true), "hello 12XX");
  EXPECT_EQ(tokenizer->bos_id(), kTinyVocab);
  EXPECT_EQ(tokenizer->eos_id(), std::nullopt);
  EXPECT_TRUE(tokenizer->adds_bos_by_default());
  EXPECT_EQ(tokenizer->vocab_size(), kTinyVocab + 2);
}

TEST(GgufTokenizerTest, SplitsByTheTypeOfPreTokenizer) {
  const auto ids = [](const char* pre) {
    return load_gguf(tiny_gguf(pre))->encode_with_offsets("e\u0301 \t\n").ids;
  };
  EXPECT_EQ(ids("gpt-2"), (Ids{'e', 0xCC, 0x81, ' ', '\t', '\n'}));
  EXPECT_EQ(ids("qwen2"), (Ids{0xC3, 0xA9, ' ', '\t', '\n'}));
}

TEST(GgufTokenizerTest, ListsTheKnownTypes) {
  EXPECT_THAT(
      message_of<ConfigError>([] { load_gguf(tiny_gguf("tekken")); }),
      HasSubstr(
          "tokenizer.ggml.pre is 'tekken', which is not supported; known: "
          "gpt-2, gpt2, phi-2"));
  EXPECT_THAT(
      message_of<ConfigError>([] { load_gguf(tiny_gguf("gpt-2", "t5")); }),
      HasSubstr(
          "tokenizer.ggml.model is 't5', which is not supported; known: gpt2, "
          "llama"));
}

} // namespace
} // namespace ma
