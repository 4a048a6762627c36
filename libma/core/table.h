// A table of results: columns with units; rows as Markdown and text for
// reading, CSV and JSON for computing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace ma {

/// How Markdown and text show the numbers of a column. CSV and JSON always hold
/// them in full.
enum class NumberStyle {
  kSignificant, ///< 30.641, 774,071, 1.2346e-07: `digits` significant digits,
                ///< thousands separated
  kDecimals, ///< 45.20: `digits` digits behind the point, thousands separated
  kPlain,    ///< 1234: integers without separators, for indices
};

struct Column {
  std::string name = {};
  std::string unit = {}; ///< shown in the heading: "accuracy (%)"
  NumberStyle style = NumberStyle::kSignificant;
  int digits = 5; ///< significant, or behind the point
};

/// A measurement with its standard error, in the same unit: 65.00 ± 4.79.
struct Estimate {
  double value = 0;
  double std_error = 0; ///< NaN when there is none

  bool operator==(const Estimate&) const = default;
};

/// Nothing, text, a count, a measurement or an estimate. Infinity and "not a
/// number" are values like others and shown as such.
using Cell =
    std::variant<std::monostate, std::string, std::int64_t, double, Estimate>;

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Throws ShapeError unless there is one cell for each column.
  void add_row(std::vector<Cell> cells);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }

  /// Throws UnknownNameError when no column has that name, ShapeError when
  /// there is no such row.
  const Cell& at(std::size_t row, std::string_view column) const;

  /// A GitHub table; numbers to the right.
  std::string to_markdown() const;
  /// Aligned with spaces for a terminal.
  std::string to_text() const;
  /// RFC 4180, lines end in CR LF; numbers in the fewest digits that give the
  /// same double again. A column of estimates is followed by one of their
  /// standard errors.
  std::string to_csv() const;
  /// {"columns": [{"name", "unit"}], "rows": [[cell]]}; infinite numbers as by
  /// `json_number`, estimates as {"value", "std_error"}.
  nlohmann::json to_json() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// A table and what its rows have in front when it is stacked.
struct TablePart {
  std::vector<Cell> keys;
  Table table;
};

/// Tables of the same columns one below another, the cells of `keys` in front
/// of each row. Throws ShapeError when a part has other columns or keys.
Table stack_tables(
    std::vector<Column> keys, const std::vector<TablePart>& parts);

/// One number as Markdown and text show it:
/// `format_number(774071.2) == "774,071"`.
std::string format_number(
    double value,
    NumberStyle style = NumberStyle::kSignificant,
    int digits = 5);

/// The same for a count: `format_count(98362432) == "98,362,432"`.
std::string format_count(
    std::int64_t value, NumberStyle style = NumberStyle::kSignificant);

} // namespace ma
