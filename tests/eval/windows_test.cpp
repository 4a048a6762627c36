#include "libma/eval/windows.h"

#include <numeric>

#include "tests/eval/byte_tokenizer.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using Ids = std::vector<std::int64_t>;
using ::testing::ElementsAre;

Ids count_to(std::int64_t n) {
  Ids ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

std::vector<Document> one_text(const std::string& text) {
  return {plain_document(text)};
}

/// A text of n bytes "\0\1\2...", whose ids are 0, 1, 2, ...
std::string counting_text(char n) {
  std::string text;
  for (char i = 0; i < n; ++i) {
    text.push_back(i);
  }
  return text;
}

Ids targets_of(const WindowSet& set) {
  Ids targets;
  for (const Window& window : set.windows) {
    targets.insert(
        targets.end(),
        window.ids.begin() + window.first_target,
        window.ids.end());
  }
  return targets;
}

TEST(PaperWindowsTest, DropsTheLastPartAndScoresAllButTheFirst) {
  const auto set = make_windows(count_to(10), {.window = 4});
  ASSERT_EQ(set.windows.size(), 2U);
  EXPECT_THAT(set.windows[1].ids, ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(set.windows[1].n_inputs, 4);
  EXPECT_THAT(targets_of(set), ElementsAre(1, 2, 3, 5, 6, 7));
  EXPECT_EQ(set.text_tokens, 10);
}

TEST(PaperWindowsTest, StopsAtMaxWindows) {
  EXPECT_EQ(
      make_windows(count_to(10), {.window = 2, .max_windows = 3})
          .windows.size(),
      3U);
}

TEST(GptqWindowsTest, PutsOneBosAtTheStartWhereTheTokenizerDoes) {
  testing::ByteTokenizer tokenizer;
  WindowOptions options = {.protocol = "gptq", .window = 4};
  auto set = make_windows(one_text(counting_text(8)), tokenizer, options);
  EXPECT_FALSE(set.has_bos);
  EXPECT_THAT(set.windows[0].ids, ElementsAre(0, 1, 2, 3));
  tokenizer.adds_bos = true;
  set = make_windows(one_text(counting_text(8)), tokenizer, options);
  EXPECT_TRUE(set.has_bos);
  ASSERT_EQ(set.windows.size(), 2U);
  EXPECT_THAT(set.windows[0].ids, ElementsAre(256, 0, 1, 2));
  EXPECT_THAT(set.windows[1].ids, ElementsAre(3, 4, 5, 6));
}

TEST(ReplicationWindowsTest, PutsABosBeforeEveryWindow) {
  const auto set = make_windows(
      one_text(counting_text(7)),
      testing::ByteTokenizer(),
      {.protocol = "replication", .window = 4});
  ASSERT_EQ(set.windows.size(), 2U);
  EXPECT_THAT(set.windows[0].ids, ElementsAre(256, 0, 1, 2));
  EXPECT_THAT(set.windows[1].ids, ElementsAre(256, 3, 4, 5));
  EXPECT_EQ(set.windows[1].first_target, 1);
}

TEST(SlidingWindowsTest, ScoresOnlyWhatIsNew) {
  const auto set = make_windows(
      count_to(9), {.protocol = "hf-sliding", .window = 4, .stride = 2});
  ASSERT_EQ(set.windows.size(), 4U);
  EXPECT_THAT(set.windows[0].ids, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(set.windows[0].first_target, 1);
  EXPECT_THAT(set.windows[1].ids, ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(set.windows[1].first_target, 2);
  EXPECT_THAT(set.windows[3].ids, ElementsAre(6, 7, 8)); // ends with the text
  EXPECT_EQ(set.windows[3].first_target, 2);
}

TEST(SlidingWindowsTest, ScoresEveryTokenOnceWhateverTheStride) {
  for (std::int64_t n = 2; n < 20; ++n) {
    for (std::int64_t stride = 1; stride < 6; ++stride) {
      const auto set = make_windows(
          count_to(n),
          {.protocol = "hf-sliding", .window = 6, .stride = stride});
      Ids expected = count_to(n);
      expected.erase(expected.begin());
      EXPECT_EQ(targets_of(set), expected) << n << " by " << stride;
    }
  }
}

TEST(LlamaCppWindowsTest, OverwritesTheFirstTokenAndScoresTheSecondHalf) {
  testing::ByteTokenizer tokenizer;
  tokenizer.adds_bos = true;
  auto set = make_windows(
      one_text(counting_text(15)),
      tokenizer,
      {.protocol = "llama.cpp", .window = 8});
  ASSERT_EQ(set.windows.size(), 2U);
  EXPECT_THAT(set.windows[0].ids, ElementsAre(256, 0, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(set.windows[1].ids, ElementsAre(256, 8, 9, 10, 11, 12, 13, 14));
  EXPECT_THAT(targets_of(set), ElementsAre(4, 5, 6, 12, 13, 14)); // 8 - 4 - 1
  tokenizer.adds_bos = false;
  set = make_windows(
      one_text(counting_text(16)),
      tokenizer,
      {.protocol = "llama.cpp", .window = 8});
  EXPECT_EQ(set.windows[1].ids.front(), 8);
}

TEST(RollingWindowsTest, CutsTheDocumentedExample) {
  const auto set = make_windows(
      one_text(counting_text(10)),
      testing::ByteTokenizer(),
      {.protocol = "lm-eval-rolling",
       .bos = BosProfile::kLmEval2023,
       .window = 4});
  ASSERT_EQ(set.windows.size(), 3U);
  EXPECT_THAT(set.windows[0].ids, ElementsAre(257, 0, 1, 2, 3));
  EXPECT_THAT(set.windows[1].ids, ElementsAre(3, 4, 5, 6, 7));
  EXPECT_THAT(set.windows[2].ids, ElementsAre(5, 6, 7, 8, 9));
  EXPECT_EQ(set.windows[2].first_target, 3);
  for (const Window& window : set.windows) {
    EXPECT_EQ(window.n_inputs, 4); // the last id is only a target
  }
}

TEST(RollingWindowsTest, ScoresEveryTokenOfEveryDocumentOnce) {
  for (char n = 1; n < 20; ++n) {
    const auto set = make_windows(
        {plain_document(counting_text(n)), plain_document("ab")},
        testing::ByteTokenizer(),
        {.protocol = "lm-eval-rolling", .window = 5});
    Ids expected = count_to(n);
    expected.insert(expected.end(), {'a', 'b'});
    EXPECT_EQ(targets_of(set), expected);
    EXPECT_EQ(set.bytes, n + 2);
  }
}

TEST(RollingWindowsTest, ScoresTheBosThatTheCurrentProfileAdds) {
  testing::ByteTokenizer tokenizer;
  tokenizer.adds_bos = true;
  const auto set = make_windows(
      one_text("ab"), tokenizer, {.protocol = "lm-eval-rolling", .window = 9});
  EXPECT_THAT(set.windows[0].ids, ElementsAre(256, 256, 'a', 'b'));
  EXPECT_THAT(targets_of(set), ElementsAre(256, 'a', 'b'));
}

TEST(RollingWindowsTest, PassesOverEmptyDocumentsAndTakesTheFirstOnes) {
  const auto set = make_windows(
      {plain_document(""), plain_document("a"), plain_document("b")},
      testing::ByteTokenizer(),
      {.protocol = "lm-eval-rolling", .window = 4, .max_documents = 2});
  EXPECT_THAT(targets_of(set), ElementsAre('a'));
  EXPECT_EQ(set.bytes, 1);
}

struct Misuse {
  const char* name;
  WindowOptions options;
  std::int64_t n_ids;
  const char* message;
};

class WindowMisuseTest : public ::testing::TestWithParam<Misuse> {};

TEST_P(WindowMisuseTest, SaysWhatIsWrong) {
  try {
    make_windows(count_to(GetParam().n_ids), GetParam().options);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Options,
    WindowMisuseTest,
    ::testing::Values(
        Misuse{"UnknownProtocol", {.protocol = "papr"}, 9, "nearest: paper"},
        Misuse{"EmptyText", {.window = 4}, 0, "the text has 0 tokens"},
        Misuse{"OneToken", {.window = 4}, 1, "the text has 1 tokens"},
        Misuse{
            "OneTokenSliding",
            {.protocol = "hf-sliding", .window = 4},
            1,
            "too few"},
        Misuse{"TooShortForAWindow", {.window = 4}, 3, "too few"},
        Misuse{"WindowOfOne", {.window = 1}, 9, "use at least 2"},
        Misuse{"NegativeWindow", {.window = -4}, 9, "too short"},
        Misuse{
            "AnotherWindow",
            {.protocol = "paper-4096", .window = 4},
            9,
            "4096 by name, got 4"},
        Misuse{"NoWindow", {.protocol = "hf-sliding"}, 9, "a window is needed"},
        Misuse{
            "StrideWithoutSliding",
            {.window = 4, .stride = 2},
            9,
            "no stride in this protocol"},
        Misuse{
            "StrideBeyondWindow",
            {.protocol = "hf-sliding", .window = 4, .stride = 5},
            9,
            "would be passed over"},
        Misuse{
            "NegativeStride",
            {.protocol = "hf-sliding", .window = 4, .stride = -1},
            9,
            "stride -1"},
        Misuse{
            "NegativeLimit", {.window = 4, .max_windows = -1}, 9, "negative"},
        Misuse{
            "DocumentsOfOneText",
            {.window = 4, .max_documents = 1},
            9,
            "limit max_windows"},
        Misuse{
            "IdsWherePrefixIsNeeded",
            {.protocol = "lm-eval-rolling", .window = 4},
            9,
            "not ids"},
        Misuse{
            "BosForIds",
            {.bos = BosProfile::kBos, .window = 4},
            9,
            "as they are"}),
    [](const auto& info) { return info.param.name; });

TEST(WindowMisuseTest, OneTextIsExpectedUnlessDocumentsAreCutApart) {
  EXPECT_THROW(
      make_windows(
          {plain_document("abcd"), plain_document("abcd")},
          testing::ByteTokenizer(),
          {.window = 2}),
      ConfigError);
}

TEST(WindowMisuseTest, RollingWantsWholeDocuments) {
  EXPECT_THROW(
      make_windows(
          one_text("abcd"),
          testing::ByteTokenizer(),
          {.protocol = "lm-eval-rolling", .window = 2, .max_windows = 1}),
      ConfigError);
}

} // namespace
} // namespace ma
