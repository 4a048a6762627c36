// Cutting models into pieces, and the words for devices.
#include "libma/models/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::HasSubstr;

const torch::Device kA(torch::kCUDA, 0);
const torch::Device kB(torch::kCUDA, 1);

std::string message_of(const std::string& devices) {
  try {
    parse_devices(devices);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(SpreadTest, GivesEachDeviceConsecutivePartsOfAboutItsShare) {
  const PartBytes parts{.embed = 10, .blocks = {10, 10, 10, 10}, .head = 10};
  const auto halves = spread(parts, {{kA}, {kB}});
  EXPECT_EQ(halves.embed, kA);
  EXPECT_EQ(halves.blocks, (std::vector<torch::Device>{kA, kA, kB, kB}));
  EXPECT_EQ(halves.head, kB);
  const auto quarter = spread(parts, {{kA, 1}, {kB, 3}});
  EXPECT_EQ(quarter.blocks, (std::vector<torch::Device>{kB, kB, kB, kB}));
}

TEST(SpreadTest, CountsBytesAndNotBlocks) {
  const PartBytes parts{.embed = 50, .blocks = {10, 10, 10, 10}, .head = 10};
  const auto placement = spread(parts, {{kA}, {kB}});
  EXPECT_EQ(placement.blocks, std::vector<torch::Device>(4, kB));
}

TEST(PlacementTest, PutsParametersWhereTheirPartIs) {
  const Placement placement{kA, {kA, kB}, kB};
  EXPECT_EQ(placement.of("embed.weight", -1), kA);
  EXPECT_EQ(placement.of("pos_embed.weight", -1), kA);
  EXPECT_EQ(placement.of("blocks.{}.ln1.weight", 1), kB);
  EXPECT_EQ(placement.of("ln_final.weight", -1), kB);
  EXPECT_EQ(placement.of("unembed.project.weight", -1), kB);
}

TEST(ParseDevicesTest, ReadsOneSeveralOrNone) {
  EXPECT_TRUE(parse_devices("auto").empty());
  EXPECT_EQ(
      parse_devices("cpu, cpu:0"),
      (std::vector<torch::Device>{
          torch::Device(torch::kCPU), torch::Device(torch::kCPU, 0)}));
}

TEST(ParseDevicesTest, NamesTheWordThatIsWrong) {
  EXPECT_THAT(message_of("gpu"), HasSubstr("'gpu' is no device"));
  EXPECT_THAT(message_of("cpu,cpu"), HasSubstr("'cpu' is given twice"));
  EXPECT_THAT(message_of("cpu:7"), HasSubstr("'cpu:7' asked for, but"));
  EXPECT_THAT(message_of(""), HasSubstr("'' is no device"));
}

} // namespace
} // namespace ma
