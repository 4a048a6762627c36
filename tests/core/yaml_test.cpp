// What a YAML file may say, and what the error is when it says something else.
#include "libma/core/yaml.h"

#include <cmath>
#include <functional>

#include "tests/temporary_folder.h"
#include <c10/util/StringUtil.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/names.h"

namespace ma {
namespace {

constexpr auto kConfig = R"(experiment: ablation
model: {name: smollm2, dtype: float32}
find:
  magnitude: 100
  text: boolq
conditions:
  - original
  - {name: zero, layer: 11}
evaluate:
  perplexity:
    window: long
    limit: null
)";

Yaml parse(
    std::string_view text, const std::vector<std::string>& overrides = {}) {
  return Yaml::parse(text, "x.yaml", overrides);
}

/// The message of the ConfigError that `action` throws.
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string parse_error(
    std::string_view text, const std::vector<std::string>& overrides = {}) {
  return message_of([&] { parse(text, overrides); });
}

TEST(YamlTest, ReadsEachType) {
  const auto yaml = parse(
      "{t: a b, b: true, i: -3, d: 1e-3, list: [1, 2], none: ~, some: 5}");
  EXPECT_EQ(yaml.get<std::string>("t"), "a b");
  EXPECT_TRUE(yaml.get<bool>("b"));
  EXPECT_EQ(yaml.get<std::int64_t>("i"), -3);
  EXPECT_EQ(yaml.get<double>("d"), 1e-3);
  EXPECT_EQ(yaml.get<double>("i"), -3.0);
  EXPECT_EQ(
      yaml.get<std::vector<std::int64_t>>("list"),
      (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(yaml.get<std::optional<std::int64_t>>("none"), std::nullopt);
  EXPECT_EQ(yaml.get<std::optional<std::int64_t>>("some"), 5);
}

TEST(YamlTest, ReadsNumbersThatJsonHasNoWordsFor) {
  const auto yaml = parse("{up: .inf, down: -.inf, none: .nan}");
  EXPECT_EQ(yaml.get<double>("up"), HUGE_VAL);
  EXPECT_EQ(yaml.get<double>("down"), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(yaml.get<double>("none")));
  EXPECT_EQ(
      yaml.resolved().dump(), R"({"down":"-inf","none":"nan","up":"inf"})");
}

TEST(YamlTest, NamesFileLineAndKeyOfAWrongType) {
  const auto yaml = parse(kConfig);
  EXPECT_EQ(
      message_of(
          [&] { yaml["evaluate"]["perplexity"].get<std::int64_t>("window"); }),
      "[x.yaml:11] evaluate.perplexity.window: expected an integer, got "
      "'long'");
  EXPECT_EQ(
      message_of([&] { yaml["conditions"].items()[1].get<bool>("layer"); }),
      "[x.yaml:8] conditions.1.layer: expected true or false, got '11'");
}

TEST(YamlTest, ConvertsNothingSilently) {
  const auto yaml = parse(
      "{quoted: '5', word: yes, wide: 9223372036854775808, real: 2.0, hex: "
      "0x10, inf: inf}");
  EXPECT_EQ(
      message_of([&] { yaml.get<std::int64_t>("quoted"); }),
      "[x.yaml:1] quoted: expected an integer, got '5' in quotes");
  for (const auto* key : {"word", "wide", "real", "hex"}) {
    EXPECT_FALSE(yaml[key].holds<std::int64_t>()) << key;
  }
  EXPECT_FALSE(yaml["word"].holds<bool>());
  EXPECT_FALSE(yaml["inf"].holds<double>());
  EXPECT_EQ(yaml["inf"].as<std::string>(), "inf");
}

TEST(YamlTest, RefusesNullWhereAValueIsNeeded) {
  const auto yaml = parse("{name: null, count: }");
  EXPECT_EQ(
      message_of([&] { yaml.get<std::string>("name"); }),
      "[x.yaml:1] name: expected text, got null");
  EXPECT_EQ(
      message_of([&] { yaml.get_or<std::int64_t>("count", 3); }),
      "[x.yaml:1] count: expected an integer, got null");
}

TEST(YamlTest, NamesWhatIsThereWhenARequiredKeyIsMissing) {
  const auto yaml = parse(kConfig);
  EXPECT_EQ(
      message_of([&] { yaml["model"].get<std::string>("nane"); }),
      "[x.yaml:2] model.nane: is required; found only name, dtype");
}

TEST(YamlTest, ReportsAMapListOrScalarInTheWrongPlace) {
  const auto yaml = parse(kConfig);
  EXPECT_EQ(
      message_of([&] { yaml["experiment"]["name"]; }),
      "[x.yaml:1] experiment: expected a map with the key 'name', got "
      "'ablation'");
  EXPECT_EQ(
      message_of([&] { yaml["model"].items(); }),
      "[x.yaml:2] model: expected a list, got a map");
  EXPECT_EQ(
      message_of([&] { yaml.section("conditions"); }),
      "[x.yaml:6] conditions: expected a map, got a list");
  EXPECT_EQ(
      message_of([&] { yaml.get<std::string>("find"); }),
      "[x.yaml:3] find: expected text, got a map");
}

TEST(YamlTest, ChecksRanges) {
  const auto yaml = parse("{zero: 0, half: 0.5, nan: .nan, many: [1, -1]}");
  EXPECT_EQ(yaml.get<std::int64_t>("zero", at_least(0)), 0);
  EXPECT_EQ(
      message_of([&] { yaml.get<std::int64_t>("zero", at_least(1)); }),
      "[x.yaml:1] zero: expected at least 1, got '0'");
  EXPECT_EQ(
      message_of([&] { yaml.get<double>("zero", above(0)); }),
      "[x.yaml:1] zero: expected a number above 0, got '0'");
  EXPECT_EQ(
      message_of([&] { yaml.get_or<double>("half", 1, between(0.75, 1)); }),
      "[x.yaml:1] half: expected a number between 0.75 and 1, got '0.5'");
  EXPECT_THROW(yaml.get<double>("nan", at_least(0)), ConfigError);
  EXPECT_THROW(
      yaml.get<std::vector<std::int64_t>>("many", at_least(0)), ConfigError);
}

TEST(YamlTest, PicksAChoiceAndOffersTheNearest) {
  enum class Dtype { kFloat, kHalf };
  const std::vector<std::pair<std::string, Dtype>> choices = {
      {"float32", Dtype::kFloat}, {"float16", Dtype::kHalf}};
  const auto yaml = parse("{dtype: float16,\n typo: flaot32}");
  EXPECT_EQ(yaml.get_choice("dtype", choices), Dtype::kHalf);
  EXPECT_EQ(yaml.get_choice_or("absent", choices, "float32"), Dtype::kFloat);
  EXPECT_EQ(
      message_of([&] { yaml.get_choice("typo", choices); }),
      "[x.yaml:2] typo: expected one of float32, float16; got 'flaot32', "
      "nearest: float32");
}

TEST(YamlTest, RejectsAKeyThatNobodyAskedFor) {
  const auto yaml = parse("find:\n  magnitude: 1\n  raito: 2\n");
  const auto find = yaml["find"];
  find.get<double>("magnitude");
  find.get_or<double>("ratio", 1000);
  EXPECT_EQ(
      message_of([&] { yaml.reject_unknown(); }),
      "[x.yaml:3] find.raito: unknown key; nearest: ratio, magnitude");
}

TEST(YamlTest, RejectsUnknownKeysInsideListsAndUnreadMaps) {
  const auto yaml =
      parse("conditions:\n  - {name: a}\n  - {name: b, vlaue: 1}\n");
  for (const auto& condition : yaml["conditions"].items()) {
    condition.get<std::string>("name");
  }
  EXPECT_EQ(
      message_of([&] { yaml.reject_unknown(); }),
      "[x.yaml:3] conditions.1.vlaue: unknown key; nearest: name");
  const auto unread = parse("model: {name: x}");
  unread["model"];
  EXPECT_EQ(
      message_of([&] { unread.reject_unknown(); }),
      "[x.yaml:1] model.name: unknown key; nothing is read here");
}

TEST(YamlTest, AcceptsAFileReadInFull) {
  const auto yaml = parse("{a: 1, b: {c: [x]}, d: null}");
  yaml.get<std::int64_t>("a");
  yaml.section("b").get<std::vector<std::string>>("c");
  EXPECT_FALSE(yaml.find("d").has_value());
  EXPECT_NO_THROW(yaml.reject_unknown());
}

TEST(YamlTest, RejectsDuplicateKeys) {
  EXPECT_EQ(
      parse_error("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"),
      "[x.yaml:5] b.c: given twice, first at x.yaml:3");
}

TEST(YamlTest, TurnsSyntaxErrorsIntoOneLine) {
  const auto message = parse_error("a: 1\nb: [1, 2\nc: 3\n");
  EXPECT_TRUE(message.starts_with("[x.yaml:")) << message;
  EXPECT_NE(message.find("not valid YAML: "), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(YamlTest, RefusesWhatYamlCppWouldReadWrongly) {
  EXPECT_EQ(
      parse_error(""), "[x.yaml:1] is empty; expected 'key: value' lines");
  EXPECT_EQ(
      parse_error("- a\n"),
      "[x.yaml:1] expected 'key: value' lines at the top level");
  EXPECT_EQ(
      parse_error("a: 1\n---\nb: 2\n"),
      "[x.yaml:2] a second YAML document begins; expected one");
  EXPECT_EQ(
      parse_error("a: 1\nb: \x04 2\n"),
      "[x.yaml:2] contains a control character; expected text");
  EXPECT_EQ(
      parse_error("a: \xff\n"),
      "[x.yaml:1] is not UTF-8; save the file as UTF-8");
  EXPECT_EQ(
      parse_error("a: !!python/object x\n").substr(0, 21),
      "[x.yaml:1] a: the tag");
  EXPECT_EQ(parse_error("a: &b {c: *b}\n").find("[x.yaml:1] "), 0U);
  EXPECT_EQ(parse_error("[1]: 2\n"), "[x.yaml:1] a key must be text");
}

TEST(YamlTest, EndsOnTextThatYamlCppReadsForever) {
  EXPECT_NE(parse_error(",a: 1\n"), "nothing was thrown");
  const auto deep = parse_error(std::string(100'000, '['));
  EXPECT_EQ(deep, "[x.yaml:1] nested too deeply");
}

TEST(YamlTest, StopsAtAliasesThatGrowExponentially) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 12; ++i) {
    const auto alias = c10::str("*a", i - 1);
    text += c10::str(
        "a",
        i,
        ": &a",
        i,
        " [",
        join(std::vector<std::string>(10, alias)),
        "]\n");
  }
  EXPECT_NE(parse_error(text).find("repeated too deeply"), std::string::npos);
}

TEST(YamlTest, OverridesReplaceAddAndAppend) {
  const auto yaml = parse(
      kConfig,
      {"model.dtype=bfloat16",
       "conditions.1.layer=3",
       "conditions.2={name: mean}",
       "new.deep.key=[1, 2]",
       "find="});
  EXPECT_EQ(yaml["model"].get<std::string>("dtype"), "bfloat16");
  EXPECT_EQ(yaml["conditions"].items()[1].get<std::int64_t>("layer"), 3);
  EXPECT_EQ(yaml["conditions"].items()[2].get<std::string>("name"), "mean");
  EXPECT_EQ(
      yaml["new"]["deep"].get<std::vector<std::int64_t>>("key").size(), 2U);
  EXPECT_TRUE(yaml["find"].is_null());
}

TEST(YamlTest, LocatesErrorsOfOverridesAtTheOption) {
  const auto wrong = parse(kConfig, {"find.magnitude=big"});
  EXPECT_EQ(
      message_of([&] { wrong["find"].get<double>("magnitude"); }),
      "[--set find.magnitude=big] find.magnitude: expected a number, got "
      "'big'");
  const auto unknown = parse("model: {name: x}", {"model.dtpye=float16"});
  unknown["model"].get<std::string>("name");
  unknown["model"].get_or<std::string>("dtype", "float32");
  EXPECT_EQ(
      message_of([&] { unknown.reject_unknown(); }),
      "[--set model.dtpye=float16] model.dtpye: unknown key; nearest: dtype, "
      "name");
}

TEST(YamlTest, RefusesOverridesThatLeadNowhere) {
  EXPECT_EQ(
      parse_error(kConfig, {"model"}),
      "[--set model] expected KEY=VALUE, for example model.dtype=bfloat16");
  EXPECT_EQ(
      parse_error(kConfig, {"experiment.a=1"}),
      "[--set experiment.a=1] experiment: is 'ablation', which has no key 'a'");
  EXPECT_EQ(
      parse_error(kConfig, {"conditions.7.a=1"}),
      "[--set conditions.7.a=1] conditions: has 2 items, there is no item 7");
  EXPECT_EQ(
      parse_error(kConfig, {"conditions.zero=1"}),
      "[--set conditions.zero=1] conditions: is a list, expected an index "
      "instead of 'zero'");
  EXPECT_EQ(
      parse_error(kConfig, {"a..b=1"}).find("[--set a..b=1] an empty key"), 0U);
  EXPECT_EQ(
      parse_error(kConfig, {"a={"}).find("[--set a={] not valid YAML"), 0U);
}

TEST(YamlTest, ResolvesWithDefaultsAndTypesAsRead) {
  const auto yaml = parse("{name: 007, magnitude: 100, unread: [yes, 2]}");
  yaml.get<std::string>("name");
  yaml.get<double>("magnitude");
  yaml.get_or<std::optional<std::int64_t>>("limit", std::nullopt);
  yaml.get_or<std::int64_t>("limit2", 4);
  yaml.section("find").get_or<std::vector<double>>("levels", {0.5});
  EXPECT_EQ(
      yaml.resolved(),
      nlohmann::json::parse(
          R"({"name": "007", "magnitude": 100.0, "unread": ["yes", 2], "limit": null, "limit2": 4,
              "find": {"levels": [0.5]}})"));
  EXPECT_TRUE(yaml.resolved()["magnitude"].is_number_float());
}

TEST(YamlTest, ADefaultIsNotTakenForAKeyOfTheFile) {
  const auto yaml = parse("{a: 1}");
  EXPECT_EQ(yaml.get_or<std::int64_t>("b", 1), 1);
  EXPECT_EQ(yaml.get_or<std::int64_t>("b", 2), 2);
  EXPECT_EQ(yaml.keys(), std::vector<std::string>{"a"});
  EXPECT_THROW(yaml["b"], ConfigError);
}

TEST(YamlTest, LoadsAFileAndNamesItsPath) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("a.yaml", "# comment\nwindow: x\n");
  const auto yaml = Yaml::load(path);
  EXPECT_EQ(
      message_of([&] { yaml.get<std::int64_t>("window"); }),
      "[" + path.string() + ":2] window: expected an integer, got 'x'");
  EXPECT_THROW(Yaml::load(folder / "absent.yaml"), FileError);
}

TEST(YamlTest, AHandleOutlivesTheOneItCameFrom) {
  const auto model = parse(kConfig)["model"];
  EXPECT_EQ(model.get<std::string>("name"), "smollm2");
  EXPECT_EQ(model.path(), "model");
}

} // namespace
} // namespace ma
