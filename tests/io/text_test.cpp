#include "libma/io/text.h"

#include "io_test_support.h"
#include <nlohmann/json.hpp>

namespace ma {
namespace {

using testing::at_path;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TempDir;

TEST(ReadTextTest, ReturnsTheBytesAsTheyAre) {
  const TempDir dir;
  EXPECT_EQ(
      read_text(dir.write("a.txt", "caf\xC3\xA9\r\n\tb\n")),
      "caf\xC3\xA9\r\n\tb\n");
  EXPECT_EQ(read_text(dir.write("b.txt", "")), "");
}

TEST(ReadTextTest, SaysWhichByteIsNotUtf8) {
  const TempDir dir;
  const auto path = dir.write("latin1.txt", "caf\xE9 au lait");
  EXPECT_EQ(
      message_of<FileError>([&] { read_text(path); }),
      at_path(path) +
          "is not UTF-8: byte 3 is '\\xe9'; convert the file, for instance "
          "with iconv");
}

TEST(ReadTextTest, TreatsAByteOrderMarkAsAsked) {
  const TempDir dir;
  const auto path = dir.write("bom.txt", "\xEF\xBB\xBFtext");
  EXPECT_THAT(
      message_of<FileError>([&] { read_text(path); }),
      HasSubstr("starts with a byte order mark"));
  EXPECT_EQ(
      read_text(path, {.byte_order_mark = ByteOrderMark::kKeep}),
      "\xEF\xBB\xBFtext");
  EXPECT_EQ(
      read_text(path, {.byte_order_mark = ByteOrderMark::kStrip}), "text");
}

TEST(ReadTextTest, ConvertsOnlyPairsOfCrAndLf) {
  const TempDir dir;
  EXPECT_EQ(
      read_text(
          dir.write("crlf.txt", "a\r\nb\rc\r\r\nd\r"),
          {.line_ends = LineEnds::kToLf}),
      "a\nb\rc\r\nd\r");
}

TEST(ReadJsonlFieldTest, ReturnsTheFieldOfEachLine) {
  const TempDir dir;
  const auto path = dir.write(
      "a.jsonl", "{\"text\": \"one\\n\", \"id\": 1}\r\n\n{\"text\": \"two\"}");
  EXPECT_THAT(read_jsonl_field(path, "text"), ElementsAre("one\n", "two"));
  EXPECT_THAT(read_jsonl_field(path, "text", 1), ElementsAre("one\n"));
  EXPECT_TRUE(read_jsonl_field(path, "text", 0).empty());
}

TEST(ReadJsonlFieldTest, NamesTheLineOfAMistake) {
  const TempDir dir;
  const auto field_error = [&](const std::string& second_line) {
    const auto path = dir.write(
        "a.jsonl",
        "{\"text\": \"one\"}\n" + second_line + "\n{\"text\": \"three\"}\n");
    return message_of<FileError>([&] { read_jsonl_field(path, "text"); });
  };
  EXPECT_THAT(
      field_error("{\"txt\": \"two\", \"id\": 2}"),
      HasSubstr("a.jsonl:2] has no field 'text'; it has 'id', 'txt'"));
  EXPECT_THAT(
      field_error("{\"text\": 2}"),
      HasSubstr("a.jsonl:2] field 'text': expected a string, got number"));
  EXPECT_THAT(
      field_error("[1]"),
      HasSubstr("a.jsonl:2] expected a JSON object, got array"));
  EXPECT_THAT(
      field_error("{\"text\": "), HasSubstr("a.jsonl:2] is not valid JSON"));
  EXPECT_THAT(
      field_error("{\"text\": \"\xFF\"}"),
      HasSubstr("a.jsonl:2] is not valid JSON"));
}

TEST(ReadJsonlFieldTest, RefusesAByteOrderMark) {
  const TempDir dir;
  const auto path = dir.write("a.jsonl", "\xEF\xBB\xBF{\"text\": \"one\"}\n");
  EXPECT_THAT(
      message_of<FileError>([&] { read_jsonl_field(path, "text"); }),
      HasSubstr("byte order mark"));
}

TEST(ForEachJsonLineTest, CountsLinesFromOneAndStopsWhenToldTo) {
  const TempDir dir;
  std::vector<std::int64_t> lines;
  for_each_json_line(
      dir.write("a.jsonl", "1\n\n2\n3\n"),
      [&](const nlohmann::json&, std::int64_t line) {
        lines.push_back(line);
        return line < 3;
      });
  EXPECT_THAT(lines, ElementsAre(1, 3));
}

TEST(JoinTextsTest, PutsTheSeparatorBetween) {
  EXPECT_EQ(join_texts({"a", "b", ""}, "\n\n"), "a\n\nb\n\n");
  EXPECT_EQ(join_texts({}, "\n"), "");
}

} // namespace
} // namespace ma
