#include "libma/eval/documents.h"

#include <array>

#include "tests/test_data.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/io/sha256.h"
#include "libma/io/text.h"

namespace ma {
namespace {

TEST(WikitextDocumentsTest, BeginsAPageAtATitleButNotAtASection) {
  const auto pages = wikitext_documents(
      "\n = One = \n\n = = Section = = \n text \n = Two = \nmore");
  ASSERT_EQ(pages.size(), 2U);
  EXPECT_EQ(pages[0].text, " = One =\n\n== Section ==\ntext ");
  EXPECT_EQ(pages[1].text, " = Two =\nmore");
  EXPECT_EQ(pages[1].bytes, 14);
  EXPECT_EQ(pages[1].words, 5); // the page starts with a space
}

TEST(DetokenizeWikitextTest, FollowsEachRule) {
  EXPECT_EQ(detokenize_wikitext("the dogs ' tail"), "the dogs' tail");
  EXPECT_EQ(detokenize_wikitext("1 @,@ 000 @.@ 5 @-@ kg"), "1,000.5-kg");
  EXPECT_EQ(
      detokenize_wikitext("a : b ; c . d ! e ? f , g"), "a: b; c. d! e? f, g");
  EXPECT_EQ(
      detokenize_wikitext("( a ) [ b ] { c } \" d \""), "(a) [b] {c} \"d\"");
  EXPECT_EQ(detokenize_wikitext("( a ( b ) c )"), "(a ( b) c )");
  EXPECT_EQ(detokenize_wikitext("= = = = x = = ="), "==== x ===");
  EXPECT_EQ(detokenize_wikitext("5 \xc2\xb0 N Street"), "5\xc2\xb0N Street");
  EXPECT_EQ(detokenize_wikitext("x N y \n z 's"), "x 1 y\nz's");
  EXPECT_EQ(detokenize_wikitext("/' 7/"), "/'[0-9]/");
  EXPECT_EQ(
      detokenize_wikitext("an unclosed ( bracket "), "an unclosed ( bracket ");
}

/// `json.dumps([[text], ...])` of Python.
std::string dump_requests(const std::vector<std::string>& texts) {
  std::string dumped = "[";
  for (const std::string& text : texts) {
    dumped += dumped.size() > 1 ? ", [" : "[";
    dumped += nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/true) + "]";
  }
  return dumped + "]";
}

class WikitextGoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MA_REQUIRE_REFERENCE("text/wikitext2/wiki.test.raw");
    pages_ = wikitext_documents(
        read_text(testing::reference_path("text/wikitext2/wiki.test.raw")));
  }
  std::vector<Document> pages_;
};

TEST_F(WikitextGoldenTest, HasThePublishedSizes) {
  std::int64_t bytes = 0;
  std::int64_t words = 0;
  std::size_t scored_bytes = 0;
  for (const Document& page : pages_) {
    bytes += page.bytes;
    words += page.words;
    scored_bytes += page.text.size();
  }
  EXPECT_EQ(pages_.size(), 62U);
  EXPECT_EQ(bytes, 1290527);
  EXPECT_EQ(words, 241335);
  EXPECT_EQ(scored_bytes, 1240466U);
}

TEST_F(WikitextGoldenTest, HashesToThePublishedRequestList) {
  // random.Random(42).shuffle of 62 indices.
  constexpr std::array<std::size_t, 62> kShuffled = {
      56, 21, 19, 16, 18, 11, 31, 33, 60, 61, 20, 9,  23, 50, 39, 36,
      45, 3,  29, 52, 4,  54, 10, 42, 22, 51, 30, 24, 0,  46, 25, 57,
      28, 41, 26, 49, 12, 35, 44, 38, 32, 55, 13, 48, 59, 2,  27, 37,
      5,  34, 53, 43, 6,  58, 8,  14, 15, 17, 47, 1,  7,  40};
  ASSERT_EQ(pages_.size(), kShuffled.size());
  std::vector<std::string> in_order;
  std::vector<std::string> shuffled;
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    in_order.push_back(pages_[i].text);
    shuffled.push_back(pages_[kShuffled[i]].text);
  }
  EXPECT_EQ(
      sha256_hex(dump_requests(in_order)),
      "f28ddbaf39d8872571fe9b9d5ae02f1775adefda7f41a8c04eca63274a050b33");
  EXPECT_EQ(
      sha256_hex(dump_requests(shuffled)),
      "b6f83e6cf7535ee41b0057c3e2ec2cf7f2fa5a9119b305c479a83091d1142b2c");
}

} // namespace
} // namespace ma
