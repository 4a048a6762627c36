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

TEST(LayerSettingsTest, TakesWords) {
  EXPECT_EQ(read("layers: auto").kind, Kind::kAuto);
  EXPECT_EQ(read("layers: none").kind, Kind::kNone);
  EXPECT_THAT(read("layers: none").layers, IsEmpty());
}

TEST(LayerSettingsTest, TheFirstWordIsTheDefault) {
  EXPECT_EQ(read("other: 1").kind, Kind::kAuto);
}

TEST(LayerSettingsTest, TakesABlockOrAList) {
  EXPECT_EQ(read("layers: 3").kind, Kind::kListed);
  EXPECT_THAT(read("layers: 3").layers, ElementsAre(3));
  EXPECT_THAT(read("layers: [4, 0]").layers, ElementsAre(4, 0));
}

TEST(LayerSettingsTest, BlocksAreAtLeastTheLowest) {
  EXPECT_THAT(read("layers: [-1, 0]", -1).layers, ElementsAre(-1, 0));
  EXPECT_THAT(problem_of([] { read("layers: [-1]"); }), HasSubstr("-1"));
}

TEST(LayerSettingsTest, AWordThatIsNotOfThemIsAnErrorWithItsPlace) {
  EXPECT_THAT(
      problem_of([] { read("layers: all"); }),
      AllOf(
          HasSubstr("blocks.yaml:1"),
          HasSubstr("expected auto, none, a block (0-based)"),
          HasSubstr("'all'")));
}

TEST(LayerSettingsTest, AnEmptyListIsAnError) {
  EXPECT_THAT(problem_of([] { read("layers: []"); }), HasSubstr("is empty"));
}

TEST(ReadLayerTest, TakesABlockOrAuto) {
  const auto read_one = [](const std::string& text) {
    return read_layer(config_of(text), "layer");
  };
  EXPECT_EQ(read_one("layer: 7").single(), 7);
  EXPECT_EQ(read_one("layer: auto").single(), std::nullopt);
  EXPECT_EQ(read_one("other: 1").kind, Kind::kAuto);
  EXPECT_THAT(
      problem_of([&] { read_one("layer: all"); }),
      HasSubstr("expected an integer from 0, or auto"));
}

TEST(CheckLayersTest, SaysWhereAndWhichBlocksThereAre) {
  check_layers(read("layers: [-1, 0, 5]", -1), 6);
  check_layers(read("layers: auto"), 1);
  EXPECT_THAT(
      problem_of([] { check_layers(read("layers: [0, 6]", -1), 6); }),
      AllOf(
          HasSubstr("blocks.yaml:1"),
          HasSubstr("layers: there is no block 6; use -1 to 5")));
  EXPECT_THAT(
      problem_of(
          [] { check_layers(read_layer(config_of("layer: 6"), "layer"), 6); }),
      HasSubstr("layer: there is no block 6; use 0 to 5"));
}

TEST(ReadIndexTest, TakesANumberOrAuto) {
  EXPECT_EQ(read_index(config_of("dim: 7"), "dim"), 7);
  EXPECT_EQ(read_index(config_of("dim: auto"), "dim"), std::nullopt);
  EXPECT_EQ(read_index(config_of("other: 1"), "dim"), std::nullopt);
}

TEST(ReadIndexTest, AnythingElseIsAnError) {
  for (const char* text : {"dim: first", "dim: 1.5", "dim: [3, 4]"}) {
    EXPECT_THAT(
        problem_of([&] { read_index(config_of(text), "dim"); }),
        HasSubstr("expected an integer from 0, or auto"))
        << text;
  }
  EXPECT_THAT(
      problem_of([] { read_index(config_of("dim: -2"), "dim"); }),
      HasSubstr("-2"));
}

} // namespace
} // namespace ma::experiments
