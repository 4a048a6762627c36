// Files called tokenizer.model, and damaged tokenizer files of all kinds.
#include <random>

#include "tests/test_data.h"
#include "tokenizer_test_support.h"

#include "libma/io/tokenizer/model_file.h"

namespace ma {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::message_of;
using testing::reference_path;
using testing::TempDir;
using testing::tiny_json;
using Ids = std::vector<std::int64_t>;

/// A folder with LLaMA-2's tokenizer.model and `files`.
std::unique_ptr<Tokenizer> load_llama2(const Json& files) {
  const TempDir folder;
  std::filesystem::copy_file(
      reference_path("tokenizers/llama2/tokenizer.model"),
      folder.path() / "tokenizer.model");
  for (const auto& [name, content] : files.items()) {
    folder.write(name, content.dump());
  }
  return load_tokenizer(folder.path());
}

class SentencePieceFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MA_REQUIRE_REFERENCE("tokenizers/llama2/tokenizer.model");
  }
};

TEST_F(SentencePieceFileTest, KnowsItsEdges) {
  const auto tokenizer = load_llama2(Json::object());
  EXPECT_EQ(tokenizer->vocab_size(), 32000);
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(tokenizer->eos_id(), 2);
  EXPECT_TRUE(tokenizer->adds_bos_by_default());
  EXPECT_FALSE(
      load_llama2({{"tokenizer_config.json", {{"add_bos_token", false}}}})
          ->adds_bos_by_default());
}

TEST_F(SentencePieceFileTest, PlacesEachByteOfACharacter) {
  const std::string text = "a \U00010330";
  const Encoding encoding =
      load_llama2(Json::object())->encode_with_offsets(text);
  EXPECT_EQ(encoding.ids, (Ids{263, 29871, 243, 147, 143, 179}));
  const std::string letter = "\U00010330";
  EXPECT_THAT(
      testing::covered(text, encoding),
      ::testing::ElementsAre("a", " ", letter, letter, letter, letter));
}

TEST_F(SentencePieceFileTest, FindsSpecialAndAddedTokens) {
  const auto tokenizer = load_llama2(
      {{"added_tokens.json", {{"<pad>", 32000}, {"<x>", 32001}}},
       {"tokenizer_config.json",
        {{"bos_token", "<pad>"},
         {"added_tokens_decoder",
          {{"32001",
            {{"content", "<y>"}, {"special", true}, {"lstrip", true}}}}}}}});
  const Ids ids = tokenizer->encode_with_offsets("a</s>b  <y><pad>").ids;
  EXPECT_EQ(ids, (Ids{263, 2, 289, 32001, 32000}));
  EXPECT_EQ(tokenizer->decode(ids), "a</s>b<y><pad>");
  EXPECT_EQ(tokenizer->decode(ids, /*skip_special=*/true), "a b<pad>");
  EXPECT_EQ(tokenizer->bos_id(), 32000);
  EXPECT_EQ(tokenizer->vocab_size(), 32002);
}

TEST_F(SentencePieceFileTest, RefusesDamagedListsOfAddedTokens) {
  EXPECT_THAT(
      message_of<FileError>(
          [] { load_llama2({{"added_tokens.json", {{"<x>", "high"}}}}); }),
      HasSubstr("lists added tokens wrongly"));
  EXPECT_THAT(
      message_of<FileError>(
          [] { load_llama2({{"added_tokens.json", {{"<x>", -3}}}}); }),
      HasSubstr("the added token '<x>' has id -3"));
}

TEST(TokenizerModelTest, RefusesFilesOfOtherKinds) {
  const TempDir folder;
  const auto message = [&](std::string_view content) {
    return message_of<FileError>(
        [&] { load_tokenizer(folder.write("tokenizer.model", content)); });
  };
  EXPECT_THAT(message("no model"), HasSubstr("is no SentencePiece model"));
  EXPECT_THAT(message("IQ== 0\nIg== 2\n"), HasSubstr("line 2 is not a token"));
  EXPECT_THAT(message("IQ== 0\nIg==\n"), HasSubstr("line 2 is not a token"));
  EXPECT_THAT(message("IQ== 0\nI?== 1\n"), HasSubstr("not base64"));
  EXPECT_THAT(
      message_of<ConfigError>([&] {
        load_tokenizer(folder.write("tokenizer.model", "IQ== 0\nIg== 1\n"));
      }),
      HasSubstr("holds 2 ranks; of such files only LLaMA 3's"));
}

TEST(TokenizerModelTest, ReadsTheRanksOfLlama3) {
  MA_REQUIRE_REFERENCE("tokenizers/llama3/tokenizer.model");
  const auto tokenizer =
      load_tokenizer(reference_path("tokenizers/llama3/tokenizer.model"));
  EXPECT_EQ(tokenizer->vocab_size(), 128256);
  EXPECT_EQ(tokenizer->bos_id(), 128000);
  EXPECT_EQ(tokenizer->eos_id(), 128001);
  EXPECT_EQ(
      tokenizer->encode_with_offsets("<|eot_id|><|reserved_special_token_5|>")
          .ids,
      (Ids{128009, 128011 - 1}));
}

/// Calls `change` on every value inside `json`, at each depth.
template <class Change>
void for_each_value(Json& json, const Change& change) {
  if (json.is_structured() && json.size() < 50) {
    std::vector<std::string> keys; // `change` may take them out and back in
    for (const auto& [key, value] : json.items()) {
      keys.push_back(key);
    }
    for (const std::string& key : keys) {
      change(json, key);
    }
    for (auto& value : json) {
      for_each_value(value, change);
    }
  }
}

/// What loading `json` says: one line, or nothing when it loads.
std::string outcome(const Json& json) {
  try {
    testing::load_json(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Json rich_json() {
  Json json = tiny_json();
  json["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       Json::array(
           {{{"type", "Prepend"}, {"prepend", "_"}},
            {{"type", "Replace"},
             {"pattern", {{"String", " "}}},
             {"content", "_"}},
            {{"type", "Strip"},
             {"strip_left", true},
             {"strip_right", true}}})}};
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       Json::array(
           {{{"type", "Metaspace"}, {"replacement", "_"}},
            {{"type", "Split"},
             {"pattern", {{"Regex", "a+"}}},
             {"behavior", "Isolated"}}})}};
  json["decoder"] = {
      {"type", "Sequence"},
      {"decoders",
       Json::array(
           {{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}},
            {{"type", "Metaspace"}, {"replacement", "_"}}})}};
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single",
       Json::array(
           {{{"SpecialToken", {{"id", "<|end|>"}}}},
            {{"Sequence", {{"id", "A"}}}}})}};
  return json;
}

TEST(DamagedTokenizerTest, EachMissingKeyAndWrongTypeIsOneLineOrHarmless) {
  const Json whole = rich_json();
  ASSERT_EQ(outcome(whole), "");
  const std::vector<Json> others = {
      nullptr, true, -1, 1e300, "x", "", Json::array(), Json::object()};
  int n_refused = 0;
  std::vector<Json> damaged;
  Json copy = whole;
  for_each_value(copy, [&](Json& parent, const std::string& key) {
    const auto place = [&]() -> Json& {
      return parent.is_array() ? parent[std::stoul(key)] : parent[key];
    };
    const Json kept = place();
    for (const Json& other : others) {
      place() = other;
      damaged.push_back(copy);
    }
    place() = kept;
    if (parent.is_object()) {
      parent.erase(key);
      damaged.push_back(copy);
      parent[key] = kept;
    }
  });
  for (const Json& json : damaged) {
    const std::string message = outcome(json);
    n_refused += message.empty() ? 0 : 1;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_GT(damaged.size(), 300U);
  EXPECT_GT(n_refused, static_cast<int>(damaged.size() / 2));
}

TEST(DamagedTokenizerTest, CutAndScrambledFilesAreOneLine) {
  const std::string whole = rich_json().dump();
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text = whole.substr(0, whole.size() - random() % whole.size());
    if (round % 2 == 0) {
      text = whole;
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    const TempDir folder(testing::memory_folder());
    const auto file = folder.write("tokenizer.json", text);
    try {
      load_tokenizer(file);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(DamagedTokenizerTest, CutAndScrambledModelsAreOneLine) {
  MA_REQUIRE_REFERENCE("tokenizers/llama2/tokenizer.model");
  std::ifstream stream(
      reference_path("tokenizers/llama2/tokenizer.model"), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::string bytes = whole.substr(0, random() % whole.size());
    if (round % 2 == 0) {
      bytes = whole;
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    const TempDir folder(testing::memory_folder());
    try {
      load_tokenizer(folder.write("tokenizer.model", bytes));
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(DamagedTokenizerTest, HolesInTheIdsAreNoTokens) {
  Json json = tiny_json();
  json["model"]["vocab"]["zz"] = 300;
  json["added_tokens"][0]["id"] = 265;
  const auto tokenizer = testing::load_json(json);
  EXPECT_EQ(tokenizer->vocab_size(), 301);
  EXPECT_THAT(
      message_of<ShapeError>([&] { tokenizer->decode(Ids{270}); }),
      HasSubstr("there is no token with id 270"));
}

} // namespace
} // namespace ma
