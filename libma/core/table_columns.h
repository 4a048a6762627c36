// Columns that many tables have.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libma/core/table.h"

namespace ma {

/// Integers that name something: 1234, not 1,234.
inline Column index_column(std::string name) {
  return {.name = std::move(name), .style = NumberStyle::kPlain};
}

/// `digits` are those behind the point, here and below.
inline Column decimal_column(
    std::string name, std::string unit = {}, int digits = 3) {
  return {
      .name = std::move(name),
      .unit = std::move(unit),
      .style = NumberStyle::kDecimals,
      .digits = digits};
}

inline Column percent_column(std::string name, int digits = 2) {
  return decimal_column(std::move(name), "%", digits);
}

inline Column block_column() {
  return index_column("block (0-based)");
}

inline Column layer_column() {
  return index_column("layer (1-based)");
}

/// Block and layer, then `columns`.
inline std::vector<Column> with_block_columns(
    std::vector<Column> columns = {}) {
  columns.insert(columns.begin(), {block_column(), layer_column()});
  return columns;
}

} // namespace ma
