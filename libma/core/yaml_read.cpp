// Tree -> typed values: defaults, choices, and the search for keys that nobody
// asked for.
#include <algorithm>

#include "libma/core/names.h"
#include "libma/core/yaml.h"
#include "libma/core/yaml_convert.h"
#include "libma/core/yaml_node.h"

namespace ma {
namespace {

using Kind = YamlNode::Kind;

void reject_unknown_below(const YamlNode& node) {
  for (const auto& entry : node.entries) {
    if (node.kind == Kind::kMap && !entry.asked && !entry.is_default) {
      const auto nearest = nearest_names(entry.key, node.asked);
      throw error_at(
          *entry.node,
          nearest.empty() ? std::string("unknown key; nothing is read here")
                          : "unknown key; nearest: " + join(nearest));
    }
    reject_unknown_below(*entry.node);
  }
}

} // namespace

/// Remembers that `key` was asked for; null when the file does not have it.
YamlNode* Yaml::ask(std::string_view key) const {
  if (node_->kind != Kind::kMap) {
    throw error_at(
        *node_,
        "expected a map with the key '" + std::string(key) + "', got " +
            got(*node_));
  }
  if (std::find(node_->asked.begin(), node_->asked.end(), key) ==
      node_->asked.end()) {
    node_->asked.emplace_back(key);
  }
  auto* entry = node_->find(key);
  if (entry == nullptr || entry->is_default) {
    return nullptr;
  }
  entry->asked = true;
  return entry->node.get();
}

Yaml Yaml::operator[](std::string_view key) const {
  if (auto* found = ask(key)) {
    return child(*found);
  }
  const auto known = keys();
  throw ConfigError(
      node_->place,
      node_->path_of(key) + ": is required; " +
          (known.empty() ? std::string("the map is empty")
                         : "found only " + join(known)));
}

std::optional<Yaml> Yaml::find(std::string_view key) const {
  auto* found = ask(key);
  return found != nullptr && !means_null(*found) ? std::optional(child(*found))
                                                 : std::nullopt;
}

Yaml Yaml::section(std::string_view key) const {
  auto* found = ask(key);
  if (found == nullptr) {
    auto* entry = node_->find(key);
    found = entry != nullptr ? entry->node.get()
                             : &node_->add(std::string(key), key, node_->place);
    node_->find(key)->is_default = true;
  }
  if (means_null(*found)) {
    found->kind = Kind::kMap;
  }
  if (found->kind != Kind::kMap) {
    throw error_at(*found, "expected a map, got " + got(*found));
  }
  return child(*found);
}

std::vector<Yaml> Yaml::items() const {
  if (node_->kind != Kind::kList) {
    throw error_at(*node_, "expected a list, got " + got(*node_));
  }
  std::vector<Yaml> items;
  for (auto& entry : node_->entries) {
    items.push_back(child(*entry.node));
  }
  return items;
}

std::vector<std::string> Yaml::keys() const {
  if (node_->kind != Kind::kMap) {
    throw error_at(*node_, "expected a map, got " + got(*node_));
  }
  std::vector<std::string> keys;
  for (const auto& entry : node_->entries) {
    if (!entry.is_default) {
      keys.push_back(entry.key);
    }
  }
  return keys;
}

bool Yaml::is_null() const {
  return means_null(*node_);
}

bool Yaml::is_list() const {
  return node_->kind == Kind::kList;
}

bool Yaml::is_map() const {
  return node_->kind == Kind::kMap;
}

template <YamlValue T>
bool Yaml::holds() const {
  if constexpr (YamlScalar<T>) {
    return convert<T>(*node_).has_value();
  } else if constexpr (std::same_as<T, std::optional<typename T::value_type>>) {
    return is_null() || holds<typename T::value_type>();
  } else {
    return is_list() &&
           std::all_of(
               node_->entries.begin(),
               node_->entries.end(),
               [](const YamlEntry& entry) {
                 return convert<typename T::value_type>(*entry.node)
                     .has_value();
               });
  }
}

template <YamlValue T>
T Yaml::as(const Range& range) const {
  if constexpr (YamlScalar<T>) {
    const auto value = convert<T>(*node_);
    if (!value) {
      throw error_at(
          *node_,
          "expected " + std::string(kTypeName<T>) + ", got " + got(*node_));
    }
    if constexpr (std::same_as<T, std::int64_t> || std::same_as<T, double>) {
      check_range(*node_, static_cast<double>(*value), range);
    }
    node_->value = to_json(*value);
    return *value;
  } else if constexpr (std::same_as<T, std::optional<typename T::value_type>>) {
    return is_null() ? T() : T(as<typename T::value_type>(range));
  } else {
    T values;
    for (const auto& item : items()) {
      values.push_back(item.template as<typename T::value_type>(range));
    }
    return values;
  }
}

template <YamlValue T>
T Yaml::get_or(
    std::string_view key,
    const std::type_identity_t<T>& fallback,
    const Range& range) const {
  if (auto* found = ask(key)) {
    return child(*found).as<T>(range);
  }
  auto* entry = node_->find(key);
  auto& node = entry != nullptr
                   ? *entry->node
                   : node_->add(std::string(key), key, node_->place);
  node_->find(key)->is_default = true;
  node.value = to_json<T>(fallback);
  return fallback;
}

std::size_t Yaml::choice(
    std::string_view key,
    const std::vector<std::string>& names,
    std::optional<std::string_view> fallback) const {
  const auto value = fallback ? get_or<std::string>(key, std::string(*fallback))
                              : get<std::string>(key);
  const auto found = std::find(names.begin(), names.end(), value);
  if (found == names.end()) {
    const auto* entry = node_->find(key);
    throw error_at(
        *entry->node,
        "expected one of " + join(names) + "; got '" + value +
            "', nearest: " + nearest_names(value, names, 1)[0]);
  }
  return static_cast<std::size_t>(found - names.begin());
}

void Yaml::reject_unknown() const {
  reject_unknown_below(*node_);
}

nlohmann::json Yaml::resolved() const {
  return resolve(*node_);
}

const std::string& Yaml::place() const {
  return node_->place;
}

const std::string& Yaml::path() const {
  return node_->path;
}

ConfigError Yaml::error(std::string_view problem) const {
  return error_at(*node_, problem);
}

#define MA_YAML_TYPE(...)                            \
  template bool Yaml::holds<__VA_ARGS__>() const;    \
  template __VA_ARGS__ Yaml::as(const Range&) const; \
  template __VA_ARGS__ Yaml::get_or<__VA_ARGS__>(    \
      std::string_view,                              \
      const std::type_identity_t<__VA_ARGS__>&,      \
      const Range&) const;
#define MA_YAML_TYPES(T)       \
  MA_YAML_TYPE(T)              \
  MA_YAML_TYPE(std::vector<T>) \
  MA_YAML_TYPE(std::optional<T>)
MA_YAML_TYPES(std::string)
MA_YAML_TYPES(bool)
MA_YAML_TYPES(std::int64_t)
MA_YAML_TYPES(double)

} // namespace ma
