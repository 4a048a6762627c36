// Conversions by YAML 1.2's core schema, and what errors say about a value.
#include "libma/core/yaml_convert.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>

namespace ma {
namespace {

using Kind = YamlNode::Kind;

bool is_one_of(
    std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  text.remove_prefix(text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
  T value{};
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> parse_double(std::string_view text) {
  if (is_one_of(text, {".inf", "+.inf", ".Inf", "-.inf", "-.Inf"})) {
    return text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
  }
  if (is_one_of(text, {".nan", ".NaN"})) {
    return std::nan("");
  }
  // from_chars also knows "inf" and "nan", which YAML does not.
  return text.find_first_not_of("0123456789+-.eE") == std::string_view::npos
             ? parse_number<double>(text)
             : std::nullopt;
}

/// 0.5 -> "0.5", 100 -> "100".
std::string short_number(double value) {
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return std::string(buffer.data(), end);
}

std::string describe(const Range& range) {
  if (std::isinf(range.max)) {
    return (range.open_min ? "a number above " : "at least ") +
           short_number(range.min);
  }
  return std::isinf(range.min) ? "at most " + short_number(range.max)
                               : "a number between " + short_number(range.min) +
                                     " and " + short_number(range.max);
}

} // namespace

bool means_null(const YamlNode& node) {
  return node.kind == Kind::kNull ||
         (node.kind == Kind::kScalar && !node.quoted &&
          is_one_of(node.text, {"", "~", "null", "Null", "NULL"}));
}

ConfigError error_at(const YamlNode& node, std::string_view problem) {
  return ConfigError(
      node.place,
      (node.path.empty() ? "" : node.path + ": ") + std::string(problem));
}

std::string got(const YamlNode& node) {
  if (means_null(node)) {
    return "null";
  }
  if (node.kind != Kind::kScalar) {
    return node.kind == Kind::kList ? "a list" : "a map";
  }
  constexpr std::size_t kShown = 60;
  auto text = node.text.size() > kShown ? node.text.substr(0, kShown) + "..."
                                        : node.text;
  std::replace(text.begin(), text.end(), '\n', ' ');
  return "'" + text + "'" + (node.quoted ? " in quotes" : "");
}

template <YamlScalar T>
std::optional<T> convert(const YamlNode& node) {
  const bool is_text = node.kind == Kind::kScalar && !means_null(node);
  if constexpr (std::same_as<T, std::string>) {
    return is_text ? std::optional(node.text) : std::nullopt;
  } else {
    if (!is_text || node.quoted) {
      return std::nullopt;
    }
    if constexpr (std::same_as<T, bool>) {
      if (is_one_of(node.text, {"true", "True", "TRUE"})) {
        return true;
      }
      return is_one_of(node.text, {"false", "False", "FALSE"})
                 ? std::optional(false)
                 : std::nullopt;
    } else if constexpr (std::same_as<T, std::int64_t>) {
      return parse_number<std::int64_t>(node.text);
    } else {
      return parse_double(node.text);
    }
  }
}

template std::optional<std::string> convert(const YamlNode&);
template std::optional<bool> convert(const YamlNode&);
template std::optional<std::int64_t> convert(const YamlNode&);
template std::optional<double> convert(const YamlNode&);

void check_range(const YamlNode& node, double value, const Range& range) {
  if (std::isinf(range.min) && std::isinf(range.max)) {
    return;
  }
  // Written so that NaN fails.
  const bool inside =
      (range.open_min ? value > range.min : value >= range.min) &&
      value <= range.max;
  if (!inside) {
    throw error_at(node, "expected " + describe(range) + ", got " + got(node));
  }
}

namespace {

/// A scalar that nobody has read yet, with the type YAML gives it.
nlohmann::json guess(const YamlNode& node) {
  if (means_null(node)) {
    return nullptr;
  }
  if (const auto flag = convert<bool>(node)) {
    return *flag;
  }
  if (const auto integer = convert<std::int64_t>(node)) {
    return *integer;
  }
  const auto number = convert<double>(node);
  return number ? json_number(*number) : nlohmann::json(node.text);
}

} // namespace

nlohmann::json resolve(const YamlNode& node) {
  if (node.value) {
    return *node.value;
  }
  if (node.kind == Kind::kList) {
    auto list = nlohmann::json::array();
    for (const auto& entry : node.entries) {
      list.push_back(resolve(*entry.node));
    }
    return list;
  }
  if (node.kind == Kind::kMap) {
    auto map = nlohmann::json::object();
    for (const auto& entry : node.entries) {
      map[entry.key] = resolve(*entry.node);
    }
    return map;
  }
  return guess(node);
}

} // namespace ma
