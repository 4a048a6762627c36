#include "experiments/common/layer_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = LayerChoice::Kind;

Yaml config_of(const std::string& text) {
  return Yaml::parse(text, "blocks.yaml");
}

LayerChoice read(const std::string& text, std::int64_t lowest = 0) {
  return read_layers(
      config_of(text), "layers", {Kind::kAuto, Kind::kNone}, lowest);
}

template <class Read>
std::string problem_of(const Read& read_it) {
  try {
    read_it();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "nothing is wrong";
}

TEST(LayerSettingsTest, TakesBlocksAndWords) {
  EXPECT_EQ(read("layers: auto").kind, Kind::kAuto);
  EXPECT_EQ(read("layers: none").kind, Kind::kNone);
  EXPECT_THAT(read("layers: none").layers, IsEmpty());
  EXPECT_EQ(read("other: 1").kind, Kind::kAuto) << "the first of the words";
  EXPECT_EQ(read("layers: 3").kind, Kind::kListed);
  EXPECT_THAT(read("layers: 3").layers, ElementsAre(3));
  EXPECT_THAT(read("layers: [4, 0]").layers, ElementsAre(4, 0));
  EXPECT_THAT(read("layers: [-1, 0]", -1).layers, ElementsAre(-1, 0));
}

TEST(LayerSettingsTest, SaysWhereWhatIsWrong) {
  EXPECT_THAT(
      problem_of([] { read("layers: all"); }),
      AllOf(
          HasSubstr("blocks.yaml:1"),
          HasSubstr("expected auto, none, a block (0-based)"),
          HasSubstr("'all'")));
  EXPECT_THAT(problem_of([] { read("layers: []"); }), HasSubstr("is empty"));
  EXPECT_THAT(problem_of([] { read("layers: [-1]"); }), HasSubstr("-1"));
  EXPECT_THAT(problem_of([] { read("layers: {a: 1}"); }), HasSubstr("layers"));
}

TEST(LayerSettingsTest, KnowsTheModelsBlocks) {
  check_layers("surface.layers", {-1, 0, 5}, 6);
  EXPECT_THAT(
      problem_of([] { check_layers("surface.layers", {0, 6}, 6); }),
      AllOf(
          HasSubstr("surface.layers"),
          HasSubstr("there is no block 6; use 0 to 5")));
}

TEST(LayerSettingsTest, ReadsASingleNumberOrAuto) {
  EXPECT_EQ(read_index(config_of("dim: 7"), "dim"), 7);
  EXPECT_EQ(read_index(config_of("dim: auto"), "dim"), std::nullopt);
  EXPECT_EQ(read_index(config_of("other: 1"), "dim"), std::nullopt);
  EXPECT_THAT(
      problem_of([] { read_index(config_of("dim: first"), "dim"); }),
      HasSubstr("expected a number from 0, or auto"));
  EXPECT_THAT(
      problem_of([] { read_index(config_of("dim: -2"), "dim"); }),
      HasSubstr("-2"));
}

} // namespace
} // namespace ma::experiments
