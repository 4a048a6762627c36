#include "libma/core/progress.h"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace ma {
namespace {

TEST(ProgressCounterTest, ReportsTheStartAndEachStep) {
  std::vector<std::int64_t> seen;
  const auto report = [&](const Progress& progress) {
    EXPECT_EQ(progress.unit, "windows");
    seen.push_back(progress.done);
  };
  ProgressCounter counter(
      report,
      {.stage = "perplexity", .done = 2, .total = 10, .unit = "windows"});
  counter.add(1);
  counter.add(7);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{2, 3, 10}));
}

TEST(ProgressCounterTest, WorksUnobservedAndPassesTheCallersExceptionOn) {
  ProgressCounter silent({}, {});
  EXPECT_NO_THROW(silent.add(1));
  const auto stop = [](const Progress& progress) {
    if (progress.done > 0) {
      throw std::runtime_error("stop");
    }
  };
  ProgressCounter counter(stop, {});
  EXPECT_THROW(counter.add(1), std::runtime_error);
}

} // namespace
} // namespace ma
