// What a user of an experiment binary sees: files, messages, exit status.
#include "experiments/common/experiment.h"

#include "experiments/builtin.h"
#include "tests/experiments/process.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma::experiments {
namespace {

class ExperimentTest : public testing::Test {
 protected:
  /// Runs `count` on `config` and waits for it.
  test::Ended run(
      const std::string& config, std::vector<std::string> args = {}) const {
    args.insert(args.begin(), folder_.write("count.yaml", config).string());
    args.insert(args.end(), {"--output", output_.string()});
    return test::CountProcess(folder_, args).wait();
  }

  test::TemporaryFolder folder_;
  std::filesystem::path output_ = folder_ / "results";
};

TEST_F(ExperimentTest, WritesTableRecordAndExamples) {
  const auto ended = run("experiment: count\ncount: 4\n");
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(
      ended.out,
      "what  sum (units)\n"
      "----  -----------\n"
      "all             6\n\n");
  EXPECT_EQ(read_file(output_ / "table.csv"), "what,sum (units)\r\nall,6\r\n");
  EXPECT_NE(read_file(output_ / "table.md").find("| all "), std::string::npos);
  const auto record = nlohmann::json::parse(read_file(output_ / "record.json"));
  EXPECT_EQ(record["experiment"], "count");
  EXPECT_EQ(record["config"]["milliseconds"], 0);
  EXPECT_EQ(record["config"]["output"], output_.string());
  EXPECT_EQ(
      record["metrics"][0],
      nlohmann::json::parse(
          R"({"name": "sum", "value": 6.0, "unit": "units",
              "labels": {"what": "all"}})"));
}

TEST_F(ExperimentTest, PrintsNothingWhenQuiet) {
  const auto ended = run("count: 2", {"--quiet"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out + ended.err, "");
  EXPECT_TRUE(std::filesystem::exists(output_ / "record.json"));
}

TEST_F(ExperimentTest, DryRunChecksAndPrintsTheConfigAndRunsNothing) {
  const auto ended = run("count: 2", {"--dry-run", "--set", "count=5"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  const auto config = nlohmann::json::parse(ended.out);
  EXPECT_EQ(config["count"], 5);
  EXPECT_EQ(config["failure"], "none");
  EXPECT_FALSE(std::filesystem::exists(output_));
  EXPECT_EQ(run("count: x", {"--dry-run"}).status, 2);
}

TEST_F(ExperimentTest, EndsWithTwoAndOneLineAfterAUsersMistake) {
  const auto path = (folder_ / "count.yaml").string();
  const auto wrong_type = run("count: many");
  EXPECT_EQ(wrong_type.status, 2);
  EXPECT_EQ(
      wrong_type.err,
      "error: [" + path + ":1] count: expected an integer, got 'many'\n");
  EXPECT_EQ(
      run("count: 1\ncuont: 2\n").err,
      "error: [" + path +
          ":2] cuont: unknown key; nearest: count, output, seed\n");
  EXPECT_EQ(
      run("count: 1\nexperiment: other\n").err,
      "error: [" + path +
          ":2] experiment: this config is for 'other', but 'count' was "
          "started\n");
  EXPECT_FALSE(std::filesystem::exists(output_)) << "something ran";
  EXPECT_EQ(run("count: 1", {"--nonsense"}).status, 2);
}

TEST_F(ExperimentTest, KeepsErrorsOfTheWorkOnOneLine) {
  const auto ended = run("{count: 1, failure: user}");
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.err, "error: [weights.bin] is truncated at byte 7\n");
  const auto memory = run("{count: 1, failure: memory}");
  EXPECT_EQ(memory.status, 2);
  EXPECT_EQ(memory.err.find("error: [memory] "), 0U) << memory.err;
}

TEST_F(ExperimentTest, EndsWithOneAndSaysSoAfterABug) {
  const auto ended = run("{count: 1, failure: bug}");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err.find("error: index -1\nthis is a bug in libma"), 0U)
      << ended.err;
}

TEST_F(ExperimentTest, ReportsAnOutputFolderThatCannotBe) {
  output_ = folder_.write("file", "") / "results";
  const auto ended = run("count: 1");
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(
      ended.err.find("cannot create the output folder"), std::string::npos)
      << ended.err;
}

TEST(BuiltinTest, OffersTheNearestExperiment) {
  EXPECT_THROW(builtin().get("no such one", "libma run"), UnknownNameError);
}

} // namespace
} // namespace ma::experiments
