// Silence by default, and levels.
#include "libma/core/log.h"

#include <gtest/gtest.h>

namespace ma {
namespace {

std::string stderr_of_one_message_each() {
  testing::internal::CaptureStderr();
  log::info("an {info}");
  log::warn("a warning");
  log::error("an error");
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, IsSilentUntilABinaryAsks) {
  EXPECT_EQ(stderr_of_one_message_each(), "");
}

TEST(LogTest, PrintsItsLevelAndAboveVerbatim) {
  log::to_stderr(log::Level::kWarn);
  const auto text = stderr_of_one_message_each();
  EXPECT_EQ(text.find("{info}"), std::string::npos) << text;
  EXPECT_NE(text.find("warning: a warning\n"), std::string::npos) << text;
  EXPECT_NE(text.find("error: an error\n"), std::string::npos) << text;
  log::to_stderr(log::Level::kInfo);
  EXPECT_NE(
      stderr_of_one_message_each().find("info: an {info}\n"),
      std::string::npos);
  log::to_stderr(log::Level::kOff);
  EXPECT_EQ(stderr_of_one_message_each(), "");
}

} // namespace
} // namespace ma
