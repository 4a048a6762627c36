// When something is shown, and what.
#include "experiments/common/progress_printer.h"

#include <sstream>

#include <gtest/gtest.h>

namespace ma::experiments {
namespace {

class ProgressPrinterTest : public testing::Test {
 protected:
  ProgressPrinter printer(ProgressStyle style) {
    return ProgressPrinter(style, out_, [this] { return now_; });
  }

  /// What showing `done` of 20 windows at `seconds` prints.
  std::string shown(
      ProgressPrinter& printer, double seconds, std::int64_t done) {
    now_ = seconds;
    out_.str("");
    printer.show(
        {.stage = "perplexity", .done = done, .total = 20, .unit = "windows"});
    return out_.str();
  }

  std::ostringstream out_;
  double now_ = 0;
};

TEST_F(ProgressPrinterTest, PrintsALineAMinuteAndOneAtTheEnd) {
  auto lines = printer(ProgressStyle::kLines);
  EXPECT_EQ(shown(lines, 0, 0), "");
  EXPECT_EQ(shown(lines, 59, 4), "");
  EXPECT_EQ(
      shown(lines, 60, 5), "perplexity: 5/20 windows, 0.083/s, 3:00 left\n");
  EXPECT_EQ(shown(lines, 100, 9), "");
  EXPECT_EQ(shown(lines, 110, 20), "perplexity: 20/20 windows in 1:50\n");
}

TEST_F(ProgressPrinterTest, CountsOnlyItsOwnShareOfAResumedStage) {
  auto lines = printer(ProgressStyle::kLines);
  shown(lines, 0, 10);
  EXPECT_EQ(
      shown(lines, 60, 12), "perplexity: 12/20 windows, 0.033/s, 4:00 left\n");
}

TEST_F(ProgressPrinterTest, OverwritesOneBarAndEndsItsLine) {
  auto bar = printer(ProgressStyle::kBar);
  EXPECT_EQ(
      shown(bar, 0, 0),
      "\r\x1b[Kperplexity [........................] 0/20 windows");
  EXPECT_EQ(shown(bar, 0.05, 1), "") << "too often";
  EXPECT_EQ(
      shown(bar, 5, 10),
      "\r\x1b[Kperplexity [############............] 10/20 windows, 2.0/s, "
      "0:05 left");
  EXPECT_EQ(
      shown(bar, 5.01, 20),
      "\r\x1b[Kperplexity [########################] 20/20 windows in 0:05\n");
}

TEST_F(ProgressPrinterTest, BeginsALineForANewStage) {
  auto bar = printer(ProgressStyle::kBar);
  shown(bar, 0, 0);
  shown(bar, 1, 10);
  EXPECT_EQ(shown(bar, 1, 0).find("\n\r\x1b[Kperplexity [...."), 0U);
}

TEST_F(ProgressPrinterTest, CountsWhatHasNoKnownEnd) {
  auto lines = printer(ProgressStyle::kLines);
  lines.show({.stage = "reading", .done = 0, .unit = "lines"});
  now_ = 3675;
  lines.show({.stage = "reading", .done = 7350, .unit = "lines"});
  EXPECT_EQ(out_.str(), "reading: 7,350 lines, 2.0/s\n");
}

TEST_F(ProgressPrinterTest, IsSilentOnRequest) {
  auto silent = printer(ProgressStyle::kSilent);
  EXPECT_EQ(shown(silent, 0, 0) + shown(silent, 100, 20), "");
}

} // namespace
} // namespace ma::experiments
