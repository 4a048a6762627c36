// What a table looks like in each of its forms.
#include "libma/core/table.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {
namespace {

Table ablation_table() {
  Table table(
      {{.name = "condition"},
       {.name = "perplexity"},
       {.name = "accuracy",
        .unit = "%",
        .style = NumberStyle::kDecimals,
        .digits = 2},
       {.name = "dim", .style = NumberStyle::kPlain}});
  table.add_row({"original", 30.6414999, 45.2, 1415});
  table.add_row({"zero, \"all\"", 774071.2345678, 100.0 / 3, {}});
  return table;
}

TEST(FormatNumberTest, KeepsSignificantDigits) {
  EXPECT_EQ(format_number(30.6414999), "30.641");
  EXPECT_EQ(format_number(24.2), "24.200");
  EXPECT_EQ(format_number(774071.2), "774,071");
  EXPECT_EQ(format_number(-1584117.3), "-1,584,117");
  EXPECT_EQ(format_number(-774.07123), "-774.07");
  EXPECT_EQ(format_number(0.00012345678), "0.00012346");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(99.99996), "100.00");
  EXPECT_EQ(format_number(99.9996), "100.00");
  EXPECT_EQ(format_number(999999.96), "1,000,000");
}

TEST(FormatNumberTest, UsesAnExponentOutsideWhatIsReadDigitByDigit) {
  EXPECT_EQ(format_number(1.23456789e-7), "1.2346e-07");
  EXPECT_EQ(format_number(1.23456789e20), "1.2346e+20");
  EXPECT_EQ(format_number(1.7e308, NumberStyle::kDecimals, 2), "1.7e+308");
}

TEST(FormatNumberTest, ShowsWhatIsNotFinite) {
  EXPECT_EQ(format_number(HUGE_VAL), "inf");
  EXPECT_EQ(format_number(-HUGE_VAL, NumberStyle::kDecimals), "-inf");
  EXPECT_EQ(format_number(std::nan(""), NumberStyle::kPlain), "nan");
}

TEST(FormatNumberTest, KeepsDecimalsAndIndices) {
  EXPECT_EQ(format_number(45.2, NumberStyle::kDecimals, 2), "45.20");
  EXPECT_EQ(format_number(12345.678, NumberStyle::kDecimals, 1), "12,345.7");
  EXPECT_EQ(format_number(1415, NumberStyle::kPlain), "1415");
}

TEST(TableTest, WritesMarkdownWithNumbersToTheRight) {
  EXPECT_EQ(
      ablation_table().to_markdown(),
      "| condition   | perplexity | accuracy (%) |  dim |\n"
      "| ----------- | ---------: | -----------: | ---: |\n"
      "| original    |     30.641 |        45.20 | 1415 |\n"
      "| zero, \"all\" |    774,071 |        33.33 |      |\n");
}

TEST(TableTest, EscapesWhatEndsAMarkdownCell) {
  Table table({{.name = "token"}});
  table.add_row({"a|b\nc"});
  EXPECT_NE(table.to_markdown().find("| a\\|b c |"), std::string::npos);
}

TEST(TableTest, AlignsTextByCharacters) {
  Table table({{.name = "µ"}, {.name = "n", .unit = "tokens"}});
  table.add_row({"naïve", 1234567});
  EXPECT_EQ(
      table.to_text(),
      "µ      n (tokens)\n"
      "-----  ----------\n"
      "naïve   1,234,567\n");
}

TEST(TableTest, WritesCsvInFullPrecision) {
  EXPECT_EQ(
      ablation_table().to_csv(),
      "condition,perplexity,accuracy (%),dim\r\n"
      "original,30.6414999,45.2,1415\r\n"
      "\"zero, \"\"all\"\"\",774071.2345678,33.333333333333336,\r\n");
}

TEST(TableTest, WritesWholeAndInfiniteNumbersPlainlyInCsv) {
  Table table({{.name = "x"}, {.name = "y"}, {.name = "z"}});
  table.add_row({774071.0, HUGE_VAL, 1234567});
  EXPECT_EQ(table.to_csv(), "x,y,z\r\n774071,inf,1234567\r\n");
}

TEST(TableTest, WritesJsonWithUnits) {
  const auto json = ablation_table().to_json();
  EXPECT_EQ(
      json["columns"][2],
      (nlohmann::json{{"name", "accuracy"}, {"unit", "%"}}));
  EXPECT_EQ(json["rows"][1][1].get<double>(), 774071.2345678);
  EXPECT_TRUE(json["rows"][1][3].is_null());
}

TEST(TableTest, FindsCellsByName) {
  const auto table = ablation_table();
  EXPECT_EQ(table.at(0, "dim"), Cell(std::int64_t{1415}));
  EXPECT_THROW(table.at(0, "perplexiti"), UnknownNameError);
  EXPECT_THROW(table.at(2, "dim"), ShapeError);
}

TEST(StackTablesTest, PutsKeysInFrontOfEachRow) {
  const auto stacked = stack_tables(
      {{.name = "model"}},
      {{{"a"}, ablation_table()}, {{"b"}, ablation_table()}});
  ASSERT_EQ(stacked.rows().size(), 4U);
  EXPECT_EQ(stacked.at(1, "model"), Cell("a"));
  EXPECT_EQ(stacked.at(2, "model"), Cell("b"));
  EXPECT_EQ(stacked.at(2, "condition"), Cell("original"));
  EXPECT_EQ(stacked.columns()[3].unit, "%");
}

TEST(StackTablesTest, RefusesTablesOfOtherColumnsAndMissingKeys) {
  const Table other({{.name = "condition"}});
  EXPECT_THROW(
      stack_tables(
          {{.name = "model"}}, {{{"a"}, ablation_table()}, {{"b"}, other}}),
      ShapeError);
  EXPECT_THROW(
      stack_tables({{.name = "model"}}, {{{}, ablation_table()}}), ShapeError);
}

TEST(TableTest, RefusesARowOfTheWrongLength) {
  auto table = ablation_table();
  EXPECT_THROW(table.add_row({"short"}), ShapeError);
  EXPECT_EQ(table.rows().size(), 2U);
}

} // namespace
} // namespace ma
