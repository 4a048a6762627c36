// What a run leaves in its output folder.
#include "experiments/common/run.h"

#include "tests/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/files.h"

namespace ma::experiments {
namespace {

using ::testing::ElementsAre;
using ARun = Run; // a test has a member of that name

class RunTest : public ::testing::Test {
 protected:
  RunOptions options() const {
    return {.experiment = "test", .output = output_, .quiet = true};
  }

  /// A whole run that writes one file.
  void run_with(const std::string& name) const {
    const ARun run(options());
    run.write(name, "x");
    run.write_record({});
  }

  bool has(const std::string& name) const {
    return std::filesystem::exists(output_ / name);
  }

  test::TemporaryFolder folder_;
  std::filesystem::path output_ = folder_ / "results";
};

TEST_F(RunTest, TheRecordNamesTheFiles) {
  run_with("a.csv");
  const auto record = nlohmann::json::parse(read_file(output_ / "record.json"));
  EXPECT_THAT(
      record.at("files").get<std::vector<std::string>>(), ElementsAre("a.csv"));
}

TEST_F(RunTest, AFolderHoldsTheResultsOfOneRun) {
  run_with("a.csv");
  folder_.write("results/mine.txt", "not of a run");
  {
    const ARun run(options());
    run.write("b.csv", "y");
    EXPECT_FALSE(has("a.csv"));
    EXPECT_FALSE(has("record.json")) << "the new run has not ended";
  }
  EXPECT_TRUE(has("b.csv"));
  EXPECT_TRUE(has("mine.txt"));
}

TEST_F(RunTest, ARunThatWritesNothingLeavesEarlierResults) {
  run_with("a.csv");
  {
    const ARun run(options());
  }
  EXPECT_TRUE(has("a.csv"));
  EXPECT_TRUE(has("record.json"));
}

TEST_F(RunTest, ARunThatWritesNothingLeavesNoFolder) {
  {
    const ARun run(options());
  }
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(RunTest, AFolderOfTheUsersStays) {
  std::filesystem::create_directory(output_);
  {
    const ARun run(options());
  }
  EXPECT_TRUE(std::filesystem::exists(output_));
}

TEST_F(RunTest, ARecordCannotNameFilesOfOtherFolders) {
  run_with("a.csv");
  folder_.write("outside.txt", "stays");
  folder_.write(
      "results/record.json", R"({"files": ["../outside.txt", 7, ".."]})");
  run_with("b.csv");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "outside.txt"));
  EXPECT_TRUE(has("a.csv"));
}

} // namespace
} // namespace ma::experiments
