// From positions to roles and back.
#include "libma/models/token_roles.h"

#include <algorithm>
#include <charconv>

#include "libma/core/error.h"
#include "libma/core/names.h"

namespace ma {
namespace {

constexpr std::string_view kPatch = "patch:";

/// "3,4" to a row and a column; false when it is something else.
bool read_place(
    std::string_view text, std::int64_t& row, std::int64_t& column) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) {
    return false;
  }
  const auto read = [](std::string_view digits, std::int64_t& number) {
    const char* first = digits.data();
    const char* last = first + digits.size();
    const auto [end, error] = std::from_chars(first, last, number);
    return error == std::errc{} && end == last;
  };
  return read(text.substr(0, comma), row) &&
         read(text.substr(comma + 1), column);
}

} // namespace

std::vector<TokenClass> prefix_classes(const VisionConfig& config) {
  std::vector<TokenClass> classes;
  if (config.has_cls) {
    classes.push_back(TokenClass::kCls);
  }
  if (config.has_distillation) {
    classes.push_back(TokenClass::kDistillation);
  }
  for (std::int64_t i = 0; i < config.n_registers; ++i) {
    classes.push_back(register_class(i));
  }
  return classes;
}

std::vector<std::string> token_kinds(const VisionConfig& config) {
  std::vector<std::string> kinds;
  for (const TokenClass token_class : prefix_classes(config)) {
    kinds.emplace_back(token_class_name(token_class));
  }
  kinds.emplace_back(token_class_name(TokenClass::kPatch));
  return kinds;
}

std::string token_role(
    const VisionConfig& config,
    const nn::PatchGrid& grid,
    std::int64_t position) {
  if (grid.rows < 0 || grid.columns < 0 || position < 0 ||
      position >= config.n_prefix() + grid.count()) {
    throw ShapeError(
        "position",
        c10::str(
            position,
            " is outside the ",
            config.n_prefix(),
            " + ",
            grid.rows,
            " x ",
            grid.columns,
            " tokens of an image"));
  }
  if (position < config.n_prefix()) {
    return token_kinds(config).at(static_cast<std::size_t>(position));
  }
  const auto patch = position - config.n_prefix();
  return c10::str(kPatch, patch / grid.columns, ",", patch % grid.columns);
}

std::int64_t token_position(
    const VisionConfig& config,
    const nn::PatchGrid& grid,
    const std::string& role,
    std::string_view where) {
  auto kinds = token_kinds(config);
  kinds.back() = "patch:ROW,COLUMN";
  const auto found = std::find(kinds.begin(), kinds.end() - 1, role);
  if (found != kinds.end() - 1) {
    return found - kinds.begin();
  }
  std::int64_t row = 0;
  std::int64_t column = 0;
  if (!role.starts_with(kPatch) ||
      !read_place(std::string_view(role).substr(kPatch.size()), row, column)) {
    throw UnknownNameError(
        where, "no token named '" + role + "'; the model has " + join(kinds));
  }
  if (row < 0 || row >= grid.rows || column < 0 || column >= grid.columns) {
    throw ConfigError(
        where,
        c10::str(
            "'",
            role,
            "' is outside the image's ",
            grid.rows,
            " x ",
            grid.columns,
            " patches"));
  }
  return config.n_prefix() + row * grid.columns + column;
}

} // namespace ma
