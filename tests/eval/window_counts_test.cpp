// Token and window counts of the published protocols with real tokenizers.
#include "tests/temporary_folder.h"
#include "tests/test_data.h"
#include <gtest/gtest.h>

#include "libma/eval/windows.h"
#include "libma/io/text.h"

namespace ma {
namespace {

class WindowCountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MA_REQUIRE_REFERENCE("tokenizers/gpt2/tokenizer.json");
    MA_REQUIRE_REFERENCE("text/wikitext2/wiki.test.raw");
    std::filesystem::copy_file(
        testing::reference_path("tokenizers/gpt2/tokenizer.json"),
        folder_ / "tokenizer.json");
    folder_.write(
        "tokenizer_config.json",
        R"({"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"})");
    tokenizer_ = load_tokenizer(folder_.path());
  }

  static std::vector<Document> text(const std::string& name) {
    return {plain_document(read_text(testing::reference_path("text/" + name)))};
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(WindowCountsTest, JoinedWikitextInGpt2Windows) {
  const auto set = make_windows(
      text("wikitext2/wikitext2_raw_test_joined.txt"),
      *tokenizer_,
      {.window = 1024});
  EXPECT_EQ(set.text_tokens, 287644);
  EXPECT_EQ(set.windows.size(), 280U);
}

TEST_F(WindowCountsTest, RawWikitextForLlamaCpp) {
  const auto set = make_windows(
      text("wikitext2/wiki.test.raw"), *tokenizer_, {.protocol = "llama.cpp"});
  EXPECT_EQ(set.text_tokens, 286221);
  EXPECT_EQ(set.windows.size(), 559U);
  EXPECT_FALSE(set.has_bos);
}

TEST_F(WindowCountsTest, JoinedC4InGpt2Windows) {
  MA_REQUIRE_REFERENCE("text/c4/c4_en_train_first1000.jsonl");
  const auto texts = read_jsonl_field(
      testing::reference_path("text/c4/c4_en_train_first1000.jsonl"), "text");
  const auto set = make_windows(
      {plain_document(join_texts(texts, " "))}, *tokenizer_, {.window = 1024});
  EXPECT_EQ(set.text_tokens, 484884);
  EXPECT_EQ(set.windows.size(), 473U);
}

TEST_F(WindowCountsTest, RollingPagesOfWikitext) {
  const auto raw =
      read_text(testing::reference_path("text/wikitext2/wiki.test.raw"));
  const auto set = make_windows(
      wikitext_documents(raw),
      *tokenizer_,
      {.protocol = "lm-eval-rolling", .window = 1024});
  EXPECT_EQ(set.text_tokens, 272031);
  EXPECT_EQ(set.bytes, 1290527);
  EXPECT_EQ(set.words, 241335);
  std::int64_t n_targets = 0;
  for (const Window& window : set.windows) {
    n_targets += window.n_targets();
  }
  EXPECT_EQ(n_targets, 272031);
}

/// LLaMA-2's counts, with its own tokenizer folder.
class LlamaWindowCountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MA_REQUIRE_REFERENCE("tokenizers/llama2/tokenizer.json");
    tokenizer_ = load_tokenizer(testing::reference_path("tokenizers/llama2"));
  }

  WindowSet windows(const std::string& text, std::int64_t window) const {
    return make_windows(
        {plain_document(text)}, *tokenizer_, {.window = window});
  }

  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(LlamaWindowCountsTest, JoinedWikitext) {
  MA_REQUIRE_REFERENCE("text/wikitext2/wikitext2_raw_test_joined.txt");
  const auto text = read_text(
      testing::reference_path("text/wikitext2/wikitext2_raw_test_joined.txt"));
  EXPECT_EQ(windows(text, 4096).text_tokens, 341468);
  EXPECT_EQ(windows(text, 4096).windows.size(), 83U);
  EXPECT_EQ(windows(text, 2048).windows.size(), 166U);
}

TEST_F(LlamaWindowCountsTest, RawWikitext) {
  MA_REQUIRE_REFERENCE("text/wikitext2/wiki.test.raw");
  const auto text =
      read_text(testing::reference_path("text/wikitext2/wiki.test.raw"));
  EXPECT_EQ(windows(text, 4096).text_tokens, 335687);
}

TEST_F(LlamaWindowCountsTest, JoinedC4) {
  MA_REQUIRE_REFERENCE("text/c4/c4_en_train_first1000.jsonl");
  const auto texts = read_jsonl_field(
      testing::reference_path("text/c4/c4_en_train_first1000.jsonl"), "text");
  EXPECT_EQ(windows(join_texts(texts, " "), 4096).text_tokens, 546361);
  EXPECT_EQ(windows(join_texts(texts, " "), 4096).windows.size(), 133U);
  EXPECT_EQ(windows(join_texts(texts, " "), 2048).windows.size(), 266U);
}

TEST_F(LlamaWindowCountsTest, RollingPagesOfWikitext) {
  MA_REQUIRE_REFERENCE("text/wikitext2/wiki.test.raw");
  const auto raw =
      read_text(testing::reference_path("text/wikitext2/wiki.test.raw"));
  const auto set = make_windows(
      wikitext_documents(raw),
      *tokenizer_,
      {.protocol = "lm-eval-rolling", .window = 4096});
  // The default profile puts a BOS in front of each of the 62 pages.
  EXPECT_EQ(set.text_tokens, 322149 + 62);
}

} // namespace
} // namespace ma
