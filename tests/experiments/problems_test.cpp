#include "experiments/common/problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma::experiments {
namespace {

using ::testing::ElementsAre;

TEST(ChecksTest, CollectWhatIsWrong) {
  Checks checks;
  bool was_looked_at = false;
  checks.attempt([] { throw ConfigError("a.yaml:1", "is\nwrong"); });
  checks.attempt([] { throw Problems({"one", "two"}); }, "model 'x': ");
  checks.attempt([&] { was_looked_at = true; });
  EXPECT_TRUE(was_looked_at);
  try {
    checks.finish();
    FAIL() << "finish says nothing";
  } catch (const Problems& problems) {
    EXPECT_THAT(
        problems.lines(),
        ElementsAre("[a.yaml:1] is wrong", "model 'x': one", "model 'x': two"));
  }
}

TEST(ChecksTest, AreSilentWhenAllIsWell) {
  Checks checks;
  checks.attempt([] {});
  EXPECT_NO_THROW(checks.finish());
}

TEST(ChecksTest, LetOtherExceptionsPass) {
  Checks checks;
  EXPECT_THROW(
      checks.attempt([] { throw std::logic_error("a bug"); }),
      std::logic_error);
}

} // namespace
} // namespace ma::experiments
