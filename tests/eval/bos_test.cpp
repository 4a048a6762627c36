#include "libma/eval/bos.h"

#include "tests/eval/byte_tokenizer.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

TEST(BosProfileTest, NamesReadBack) {
  for (const char* name : {"nobos", "bos", "lm-eval-2023", "lm-eval-current"}) {
    EXPECT_EQ(bos_profile_name(parse_bos_profile(name, "test")), name);
  }
  EXPECT_THROW(parse_bos_profile("no-bos", "test"), UnknownNameError);
}

TEST(BosProfileTest, FollowsTheTokenizerOnlyInTheCurrentProfile) {
  testing::ByteTokenizer tokenizer;
  EXPECT_FALSE(adds_bos(BosProfile::kLmEvalCurrent, tokenizer, "a"));
  tokenizer.adds_bos = true;
  EXPECT_TRUE(adds_bos(BosProfile::kLmEvalCurrent, tokenizer, "a"));
  EXPECT_FALSE(adds_bos(BosProfile::kLmEvalCurrent, tokenizer, "<s>a"));
  EXPECT_FALSE(adds_bos(BosProfile::kLmEval2023, tokenizer, "a"));
  EXPECT_FALSE(adds_bos(BosProfile::kNoBos, tokenizer, "a"));
  EXPECT_TRUE(adds_bos(BosProfile::kBos, tokenizer, "<s>a"));
}

TEST(BosProfileTest, PrefixIsEosIn2023AndBosElseEosNow) {
  testing::ByteTokenizer tokenizer;
  EXPECT_EQ(prefix_id(BosProfile::kLmEval2023, tokenizer), 257);
  EXPECT_EQ(prefix_id(BosProfile::kLmEvalCurrent, tokenizer), 256);
  tokenizer.bos.reset();
  EXPECT_EQ(prefix_id(BosProfile::kLmEvalCurrent, tokenizer), 257);
}

TEST(BosProfileTest, ThrowsWhenTheTokenizerLacksWhatItDemands) {
  testing::ByteTokenizer tokenizer;
  EXPECT_THROW(prefix_id(BosProfile::kNoBos, tokenizer), ConfigError);
  tokenizer.bos.reset();
  tokenizer.eos.reset();
  EXPECT_THROW(adds_bos(BosProfile::kBos, tokenizer, ""), ConfigError);
  EXPECT_THROW(prefix_id(BosProfile::kLmEval2023, tokenizer), ConfigError);
  EXPECT_THROW(prefix_id(BosProfile::kLmEvalCurrent, tokenizer), ConfigError);
}

} // namespace
} // namespace ma
