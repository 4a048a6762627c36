// A run that was stopped, politely or not, continues and ends with the same
// bytes.
#include "experiments/common/interrupt.h"

#include <chrono>
#include <thread>

#include "tests/experiments/process.h"
#include <gtest/gtest.h>

namespace ma::experiments {
namespace {

class InterruptTest : public testing::Test {
 protected:
  std::vector<std::string> args(
      const std::string& milliseconds, const std::string& output) const {
    const auto config = folder_.write("count.yaml", "count: 40\n");
    // The pause is part of the config, so it must not differ between runs.
    return {
        config.string(),
        "--set",
        "milliseconds=" + milliseconds,
        "--output",
        (folder_ / output).string()};
  }

  /// Waits until the journal of `output` has `lines` lines.
  void wait_for_lines(const std::string& output, int lines) const {
    const auto journal = folder_ / output / "journal.jsonl";
    for (int i = 0; i < 1000; ++i) {
      if (std::filesystem::exists(journal)) {
        const auto text = read_file(journal);
        if (std::count(text.begin(), text.end(), '\n') >= lines) {
          return;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "the run did not start";
  }

  /// Files of a finished run that must not depend on how often it was stopped.
  std::string results(const std::string& output) const {
    std::string all;
    for (const auto* name :
         {"numbers.jsonl", "table.md", "table.csv", "journal.jsonl"}) {
      all += read_file(folder_ / output / name);
    }
    return all;
  }

  test::TemporaryFolder folder_;
};

TEST_F(InterruptTest, ContinuesAfterKillNineWithTheSameBytes) {
  ASSERT_EQ(test::CountProcess(folder_, args("10", "whole")).wait().status, 0);
  const test::CountProcess killed(folder_, args("10", "parts"));
  wait_for_lines("parts", 6);
  killed.signal(SIGKILL);
  ASSERT_EQ(killed.wait().status, -SIGKILL);
  ASSERT_FALSE(std::filesystem::exists(folder_ / "parts" / "table.md"));
  const auto ended = test::CountProcess(folder_, args("10", "parts")).wait();
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(results("parts"), results("whole"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "parts/journal.jsonl.old"))
      << "it began anew";
}

TEST_F(InterruptTest, StopsAtCtrlCAndSaysHowToContinue) {
  const test::CountProcess process(folder_, args("50", "out"));
  wait_for_lines("out", 2);
  process.signal(SIGINT);
  const auto ended = process.wait();
  EXPECT_EQ(ended.status, 130);
  EXPECT_NE(
      ended.err.find("interrupted; the same command continues"),
      std::string::npos)
      << ended.err;
}

TEST_F(InterruptTest, StartsAnewWhenTheConfigHasChanged) {
  const test::CountProcess killed(folder_, args("20", "out"));
  wait_for_lines("out", 3);
  killed.signal(SIGKILL);
  killed.wait();
  ASSERT_EQ(test::CountProcess(folder_, args("0", "out")).wait().status, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/journal.jsonl.old"));
}

TEST_F(InterruptTest, RefusesTwoRunsInOneFolder) {
  const test::CountProcess first(folder_, args("50", "out"));
  wait_for_lines("out", 2);
  const auto second = test::CountProcess(folder_, args("50", "out")).wait();
  first.signal(SIGKILL);
  first.wait();
  EXPECT_EQ(second.status, 2);
  EXPECT_NE(second.err.find("another run is writing here"), std::string::npos)
      << second.err;
}

TEST(InterruptGuardTest, RestoresTheHandlerItFound) {
  static volatile std::sig_atomic_t outer = 0;
  const auto before = std::signal(SIGINT, [](int) { outer = 1; });
  {
    const InterruptGuard guard;
    EXPECT_NO_THROW(InterruptGuard::check());
    std::raise(SIGINT);
    EXPECT_THROW(InterruptGuard::check(), Interrupted);
    EXPECT_EQ(outer, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(outer, 1);
  std::signal(SIGINT, before);
}

} // namespace
} // namespace ma::experiments
