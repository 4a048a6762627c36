// Scalars of the YAML tree <-> C++ values and JSON. Internal: only
// yaml_read.cpp includes it.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libma/core/json_number.h"
#include "libma/core/yaml.h"
#include "libma/core/yaml_node.h"

namespace ma {

bool means_null(const YamlNode& node);

/// What arrived, for an error: 'long', null, a list, a map.
std::string got(const YamlNode& node);

ConfigError error_at(const YamlNode& node, std::string_view problem);

/// The scalar as T, or nothing. Quoted text is text only; integers are numbers.
template <YamlScalar T>
std::optional<T> convert(const YamlNode& node);

/// Throws ConfigError when `value`, read from `node`, is outside `range`.
void check_range(const YamlNode& node, double value, const Range& range);

/// The tree as JSON: values as read or defaulted, the rest with YAML's own
/// types.
nlohmann::json resolve(const YamlNode& node);

/// What an error calls T.
template <YamlScalar T>
inline constexpr std::string_view kTypeName = "text";
template <>
inline constexpr std::string_view kTypeName<bool> = "true or false";
template <>
inline constexpr std::string_view kTypeName<std::int64_t> = "an integer";
template <>
inline constexpr std::string_view kTypeName<double> = "a number";

template <YamlValue T>
nlohmann::json to_json(const T& value) {
  if constexpr (std::same_as<T, double>) {
    return json_number(value);
  } else if constexpr (YamlScalar<T>) {
    return value;
  } else if constexpr (std::same_as<T, std::optional<typename T::value_type>>) {
    return value ? to_json(*value) : nlohmann::json();
  } else {
    auto list = nlohmann::json::array();
    for (const typename T::value_type& item : value) {
      list.push_back(to_json(item));
    }
    return list;
  }
}

} // namespace ma
