// The four forms of a table.
#include "libma/core/table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/json_number.h"

namespace ma {
namespace {

using Text = std::vector<std::string>;

std::string heading(const Column& column) {
  return column.unit.empty() ? column.name
                             : column.name + " (" + column.unit + ")";
}

std::string shown(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) {
    return *text;
  }
  if (const auto* count = std::get_if<std::int64_t>(&cell)) {
    return format_count(*count, column.style);
  }
  const auto show = [&](double number) {
    return format_number(number, column.style, column.digits);
  };
  if (const auto* estimate = std::get_if<Estimate>(&cell)) {
    return std::isnan(estimate->std_error)
               ? show(estimate->value)
               : show(estimate->value) + " ± " + show(estimate->std_error);
  }
  const auto* number = std::get_if<double>(&cell);
  return number != nullptr ? show(*number) : "";
}

/// Every digit: the shortest text that reads back as the same double.
std::string exact(const Cell& cell) {
  if (const auto* estimate = std::get_if<Estimate>(&cell)) {
    return exact(estimate->value);
  }
  if (const auto* number = std::get_if<double>(&cell)) {
    if (!std::isfinite(*number)) {
      return format_number(*number);
    }
    std::array<char, 32> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), *number)
            .ptr;
    return std::string(buffer.data(), end);
  }
  return shown(cell, {.style = NumberStyle::kPlain});
}

std::string csv_field(std::string field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) {
    return field;
  }
  std::string quoted = "\"";
  for (const char c : field) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::string markdown_field(const std::string& field) {
  std::string escaped;
  for (const char c : field) {
    if (c == '|') {
      escaped += '\\';
    }
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

/// Columns on a terminal that UTF-8 text takes (wide characters aside).
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
      }));
}

std::string padded(
    const std::string& text, std::size_t width, bool to_the_right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return to_the_right ? space + text : text + space;
}

bool is_numeric(const Table& table, std::size_t column) {
  const auto& rows = table.rows();
  return std::none_of(rows.begin(), rows.end(), [&](const auto& row) {
    return std::holds_alternative<std::string>(row[column]);
  });
}

bool has_estimates(const Table& table, std::size_t column) {
  const auto& rows = table.rows();
  return std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
    return std::holds_alternative<Estimate>(row[column]);
  });
}

/// The heading and all rows as shown, each field passed through `escape`.
template <class Escape>
std::vector<Text> shown_lines(const Table& table, const Escape& escape) {
  std::vector<Text> lines(1);
  for (const auto& column : table.columns()) {
    lines[0].push_back(escape(heading(column)));
  }
  for (const auto& row : table.rows()) {
    lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      lines.back().push_back(escape(shown(row[i], table.columns()[i])));
    }
  }
  return lines;
}

/// Lines with fields padded to a common width, joined by `between`; `rule`
/// makes the line below the heading.
template <class Rule>
std::vector<std::string> align(
    const Table& table,
    const std::vector<Text>& lines,
    std::string_view between,
    const Rule& rule) {
  std::vector<std::string> aligned(lines.size() + 1);
  for (std::size_t column = 0; column < table.columns().size(); ++column) {
    std::size_t width = 3;
    for (const auto& line : lines) {
      width = std::max(width, width_of(line[column]));
    }
    const bool numeric = is_numeric(table, column);
    const std::string_view separator = column == 0 ? "" : between;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      aligned[i == 0 ? 0 : i + 1].append(separator).append(
          padded(lines[i][column], width, numeric));
    }
    aligned[1].append(separator).append(rule(width, numeric));
  }
  return aligned;
}

} // namespace

void Table::add_row(std::vector<Cell> cells) {
  if (cells.size() != columns_.size()) {
    throw ShapeError(
        "Table::add_row",
        "got " + std::to_string(cells.size()) + " cells for " +
            std::to_string(columns_.size()) + " columns");
  }
  rows_.push_back(std::move(cells));
}

const Cell& Table::at(std::size_t row, std::string_view column) const {
  std::vector<std::string> names;
  names.reserve(columns_.size());
  for (const auto& known : columns_) {
    names.push_back(known.name);
  }
  const auto found = std::find(names.begin(), names.end(), column);
  if (found == names.end()) {
    throw UnknownNameError("Table::at", "column", column, names);
  }
  if (row >= rows_.size()) {
    throw ShapeError(
        "Table::at",
        "no row " + std::to_string(row) + "; the table has " +
            std::to_string(rows_.size()));
  }
  return rows_[row][static_cast<std::size_t>(found - names.begin())];
}

std::string Table::to_markdown() const {
  const auto rule = [](std::size_t width, bool numeric) {
    return numeric ? std::string(width - 1, '-') + ":"
                   : std::string(width, '-');
  };
  std::string markdown;
  for (const auto& line :
       align(*this, shown_lines(*this, markdown_field), " | ", rule)) {
    markdown.append("| ").append(line).append(" |\n");
  }
  return markdown;
}

std::string Table::to_text() const {
  const auto as_is = [](std::string field) { return field; };
  const auto rule = [](std::size_t width, bool) {
    return std::string(width, '-');
  };
  std::string text;
  for (const auto& line : align(*this, shown_lines(*this, as_is), "  ", rule)) {
    text.append(line, 0, line.find_last_not_of(' ') + 1).append("\n");
  }
  return text;
}

std::string Table::to_csv() const {
  std::string csv;
  const auto add_field = [&](const std::string& field, bool first) {
    csv.append(first ? "" : ",").append(csv_field(field));
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    add_field(heading(columns_[i]), i == 0);
    if (has_estimates(*this, i)) {
      add_field(heading(columns_[i]) + " std error", false);
    }
  }
  csv += "\r\n";
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      add_field(exact(row[i]), i == 0);
      if (has_estimates(*this, i)) {
        const auto* estimate = std::get_if<Estimate>(&row[i]);
        add_field(estimate ? exact(estimate->std_error) : "", false);
      }
    }
    csv += "\r\n";
  }
  return csv;
}

nlohmann::json Table::to_json() const {
  auto columns = nlohmann::json::array();
  for (const auto& column : columns_) {
    columns.push_back({{"name", column.name}, {"unit", column.unit}});
  }
  auto rows = nlohmann::json::array();
  for (const auto& row : rows_) {
    auto cells = nlohmann::json::array();
    for (const auto& cell : row) {
      if (const auto* text = std::get_if<std::string>(&cell)) {
        cells.push_back(*text);
      } else if (const auto* count = std::get_if<std::int64_t>(&cell)) {
        cells.push_back(*count);
      } else if (const auto* estimate = std::get_if<Estimate>(&cell)) {
        cells.push_back(
            {{"value", json_number(estimate->value)},
             {"std_error", json_number(estimate->std_error)}});
      } else {
        const auto* number = std::get_if<double>(&cell);
        cells.push_back(
            number != nullptr ? json_number(*number) : nlohmann::json());
      }
    }
    rows.push_back(std::move(cells));
  }
  return {{"columns", std::move(columns)}, {"rows", std::move(rows)}};
}

Table stack_tables(
    std::vector<Column> keys, const std::vector<TablePart>& parts) {
  const auto n_keys = keys.size();
  auto columns = std::move(keys);
  if (!parts.empty()) {
    const auto& first = parts.front().table.columns();
    columns.insert(columns.end(), first.begin(), first.end());
  }
  Table stacked(columns);
  for (const TablePart& part : parts) {
    const auto& own = part.table.columns();
    const bool fits = std::equal(
        own.begin(),
        own.end(),
        columns.begin() + static_cast<std::ptrdiff_t>(n_keys),
        columns.end(),
        [](const Column& a, const Column& b) {
          return a.name == b.name && a.unit == b.unit;
        });
    if (!fits || part.keys.size() != n_keys) {
      throw ShapeError(
          "stack_tables", "the tables differ in their columns or keys");
    }
    for (const auto& row : part.table.rows()) {
      auto cells = part.keys;
      cells.insert(cells.end(), row.begin(), row.end());
      stacked.add_row(std::move(cells));
    }
  }
  return stacked;
}

} // namespace ma
