// Tokens of whole data sets, as counted with Hugging Face `tokenizers`.
#include <filesystem>

#include "tests/temporary_folder.h"
#include "tests/test_data.h"
#include <gtest/gtest.h>

#include "libma/eval/requests.h"
#include "libma/eval/task.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma {
namespace {

struct Counts {
  std::string tokenizer; ///< folder of the reference data
  std::string task;
  std::string rows;           ///< of the reference data
  std::int64_t n_context = 0; ///< tokens, summed over all requests
  std::int64_t n_continuation = 0;
};

std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  return out << counts.tokenizer << "_" << counts.task;
}

class RequestCountsTest : public ::testing::TestWithParam<Counts> {};

TEST_P(RequestCountsTest, EqualThePublishedOnes) {
  const auto& expected = GetParam();
  MA_REQUIRE_REFERENCE("tasks/" + expected.rows);
  MA_REQUIRE_REFERENCE("tokenizers/" + expected.tokenizer + "/tokenizer.json");
  const test::TemporaryFolder home;
  std::filesystem::create_directory(home / "datasets");
  std::filesystem::create_symlink(
      std::filesystem::absolute(
          testing::reference_path("tasks/" + expected.rows)),
      home / ("datasets/" + expected.task + ".jsonl"));
  home.write("datasets/" + expected.task + ".source.json", "{}");
  const auto tokenizer = load_tokenizer(
      testing::reference_path("tokenizers/" + expected.tokenizer));

  Counts counts = expected;
  counts.n_context = counts.n_continuation = 0;
  for (const auto& document :
       load_task(expected.task, {.home = home.path()}).documents) {
    for (const Request& request : document.requests) {
      const auto encoded = encode_request(
          *tokenizer, request, BosProfile::kLmEval2023, 1024, "request");
      EXPECT_FALSE(encoded.is_truncated);
      counts.n_context += encoded.first_target;
      counts.n_continuation += encoded.n_targets();
    }
  }
  EXPECT_EQ(counts.n_context, expected.n_context);
  EXPECT_EQ(counts.n_continuation, expected.n_continuation);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    RequestCountsTest,
    ::testing::Values(
        Counts{"gpt2", "piqa", "piqa_validation.jsonl", 49520, 84384},
        Counts{
            "gpt2",
            "winogrande",
            "winogrande_xl_validation.jsonl",
            41661,
            14214},
        Counts{"gpt2", "arc_easy", "arc_easy_test.jsonl", 261175, 42771},
        Counts{
            "gpt2", "arc_challenge", "arc_challenge_test.jsonl", 146142, 28089},
        Counts{"llama2", "piqa", "piqa_validation.jsonl", 54736, 97919},
        Counts{
            "llama2",
            "winogrande",
            "winogrande_xl_validation.jsonl",
            48348,
            15824},
        Counts{"llama2", "arc_easy", "arc_easy_test.jsonl", 287500, 51414},
        Counts{
            "llama2",
            "arc_challenge",
            "arc_challenge_test.jsonl",
            161482,
            33002}),
    [](const auto& info) {
      return info.param.tokenizer + "_" + info.param.task;
    });

} // namespace
} // namespace ma
