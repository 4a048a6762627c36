// What record.json holds.
#include "experiments/common/record.h"

#include <cmath>

#include "experiments/common/build_info.h"
#include "experiments/common/host.h"
#include "tests/temporary_folder.h"
#include <gtest/gtest.h>

namespace ma::experiments {
namespace {

TEST(RecordTest, HoldsWhereTheNumbersCameFrom) {
  const auto record = make_record(
      {.experiment = "ablation",
       .config = {{"seed", 3}},
       .seed = 3,
       .started = "2026-03-01T12:00:00Z",
       .seconds = 1.5},
      {.device = "cpu",
       .dtype = "float32",
       .model_files = {{"model.gguf", "abcd"}},
       .text_files = {{"text.txt", "0123"}},
       .metrics = {{"perplexity", HUGE_VAL, "", {{"condition", "zero"}}}}});
  EXPECT_EQ(record["experiment"], "ablation");
  EXPECT_EQ(record["config"]["seed"], 3);
  EXPECT_EQ(record["model_files"]["model.gguf"], "abcd");
  EXPECT_EQ(record["text_files"]["text.txt"], "0123");
  EXPECT_EQ(record["metrics"][0]["value"], "inf");
  EXPECT_EQ(record["metrics"][0]["labels"]["condition"], "zero");
  EXPECT_EQ(record["seconds"], 1.5);
  EXPECT_EQ(record["resumed"], false);
  EXPECT_FALSE(record.contains("details"));
  EXPECT_GT(record["peak_memory_bytes"].get<std::int64_t>(), 1 << 20);
  EXPECT_GE(record["threads"].get<int>(), 1);
  EXPECT_EQ(record["torch"].get<std::string>().substr(0, 2), "2.");
}

TEST(RecordTest, LabelsTheNumbersOfATableWithItsText) {
  Table table(
      {{.name = "condition"}, {.name = "nll", .unit = "nats"}, {.name = "n"}});
  table.add_row({"zero", 2.5, 7});
  table.add_row({"none", {}, 8});
  const auto metrics = metrics_of(table);
  ASSERT_EQ(metrics.size(), 3U);
  EXPECT_EQ(metrics[0].name, "nll");
  EXPECT_EQ(metrics[0].value, 2.5);
  EXPECT_EQ(metrics[0].unit, "nats");
  EXPECT_EQ(metrics[2].labels.at("condition"), "none");
  EXPECT_EQ(metrics[2].value, 8);
}

TEST(RecordTest, HashesFilesByPath) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("weights", "abc");
  EXPECT_EQ(
      hash_files({path}).at(path.string()),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(BuildInfoTest, NamesACommitOrAdmitsThatThereIsNone) {
  const auto build = build_info();
  EXPECT_EQ(build.version.find_first_not_of("0123456789."), std::string::npos);
  if (build.commit != "unknown") {
    EXPECT_EQ(build.commit.size(), 40U);
    EXPECT_EQ(
        build.commit.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
}

TEST(HostTest, NamesTheProcessorAndTheTime) {
  EXPECT_NE(cpu_model(), "");
  const auto now = utc_now();
  ASSERT_EQ(now.size(), 20U);
  EXPECT_EQ(now[10], 'T');
  EXPECT_EQ(now.back(), 'Z');
}

TEST(HostTest, PeakMemoryGrowsByWhatIsTouched) {
  const auto before = peak_memory_bytes();
  constexpr std::size_t kBytes = 256U << 20;
  const std::vector<char> block(kBytes, 'x');
  EXPECT_GE(peak_memory_bytes() - before, std::int64_t{kBytes / 2});
  EXPECT_EQ(block.back(), 'x');
}

TEST(HostTest, SetsTheThreadsOfTorch) {
  const auto before = torch_threads();
  set_torch_threads(1);
  EXPECT_EQ(torch_threads(), 1);
  set_torch_threads(before);
}

} // namespace
} // namespace ma::experiments
