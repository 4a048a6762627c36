#include "libma/io/strict_json.h"

#include "io_test_support.h"
#include <nlohmann/json.hpp>

namespace ma {
namespace {

using testing::message_of;

TEST(ParseJsonTest, ReturnsTheValue) {
  EXPECT_EQ(
      parse_json(R"({"a": [1, {"b": 2.5}], "c": {"b": null}})", "x").dump(),
      R"({"a":[1,{"b":2.5}],"c":{"b":null}})");
}

TEST(ParseJsonTest, RefusesAKeyThatOccursTwice) {
  EXPECT_EQ(
      message_of<FileError>([] {
        parse_json(R"({"a": 1, "b": {"c": 1, "c": 2}})", "config.json");
      }),
      "[config.json] key 'c' occurs twice in one JSON object");
}

TEST(ParseJsonTest, AllowsTheSameKeyInSiblingObjects) {
  EXPECT_NO_THROW(
      parse_json(R"([{"a": 1}, {"a": 2}, {"b": {"a": 3}, "a": 4}])", "x"));
}

TEST(ParseJsonTest, SaysWhereTheTextIsWrong) {
  EXPECT_EQ(
      message_of<FileError>([] { parse_json(R"({"a": )", "x.json"); }),
      "[x.json] is not valid JSON at byte 7 of 6");
  EXPECT_EQ(
      message_of<FileError>([] { parse_json("{} {}", "x"); }),
      "[x] is not valid JSON at byte 4 of 5");
  message_of<FileError>([] { parse_json("\"\xFF\"", "x"); });
  message_of<FileError>([] { parse_json("1e999", "x"); });
  message_of<FileError>([] { parse_json("", "x"); });
}

TEST(ParseJsonTest, RefusesDeepNesting) {
  EXPECT_EQ(
      message_of<FileError>(
          [] { parse_json(std::string(1'000'000, '['), "x", 8); }),
      "[x] JSON is nested more than 8 deep");
}

} // namespace
} // namespace ma
