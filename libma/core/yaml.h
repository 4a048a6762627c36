// Typed, strict reader of YAML settings: every error names file, line and key;
// a key that nobody asked for is an error.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/error.h"

namespace ma {

struct YamlNode;

/// Bounds that a number must keep, ends included unless `open_min`.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false; ///< `min` itself is refused
};

inline Range at_least(double min) {
  return {.min = min};
}
inline Range above(double min) {
  return {.min = min, .open_min = true};
}
inline Range between(double min, double max) {
  return {.min = min, .max = max};
}

template <class T>
concept YamlScalar = std::same_as<T, std::string> || std::same_as<T, bool> ||
                     std::same_as<T, std::int64_t> || std::same_as<T, double>;

/// What `as`, `get` and `get_or` can return: a scalar, a list of scalars, or a
/// scalar that may be null.
template <class T>
concept YamlValue =
    YamlScalar<T> || (YamlScalar<typename T::value_type> &&
                      (std::same_as<T, std::vector<typename T::value_type>> ||
                       std::same_as<T, std::optional<typename T::value_type>>));

/// One value of a YAML file: a scalar, a list or a map. A cheap handle; copies
/// share the tree and its memory of what was read.
///
/// All errors are ConfigError: `[configs/x.yaml:12] evaluate.perplexity.window:
/// expected an integer, got 'long'`.
class Yaml {
 public:
  /// Reads a file whose top level is a map. `overrides` are "a.b=c" or
  /// "list.1.key=c", applied in order; c is YAML. Duplicate keys, several
  /// documents, tags and syntax errors throw ConfigError; an unreadable file
  /// throws FileError.
  static Yaml load(
      const std::filesystem::path& path,
      const std::vector<std::string>& overrides = {});
  /// The same for text; `origin` stands where the file's name would in errors.
  static Yaml parse(
      std::string_view text,
      std::string_view origin,
      const std::vector<std::string>& overrides = {});

  /// The value of a required key.
  Yaml operator[](std::string_view key) const;
  /// The value of an optional key; nothing when it is absent or null.
  std::optional<Yaml> find(std::string_view key) const;
  /// An optional map; when absent or null an empty one, so that the defaults of
  /// its keys apply and are recorded.
  Yaml section(std::string_view key) const;
  /// The values of a list, in order.
  std::vector<Yaml> items() const;
  /// The keys of a map, in order; for maps whose keys are the user's own names.
  std::vector<std::string> keys() const;

  bool is_null() const;
  bool is_list() const;
  bool is_map() const;
  /// Whether `as<T>()` would succeed; for settings that take a number or a
  /// word.
  template <YamlValue T>
  bool holds() const;

  /// This value as T. Integers are accepted as double, nothing else is
  /// converted.
  template <YamlValue T>
  T as(const Range& range = {}) const;
  /// The value of a required key.
  template <YamlValue T>
  T get(std::string_view key, const Range& range = {}) const {
    return (*this)[key].as<T>(range);
  }
  /// The value of an optional key; `fallback` when absent, which `resolved()`
  /// then shows.
  template <YamlValue T>
  T get_or(
      std::string_view key,
      const std::type_identity_t<T>& fallback,
      const Range& range = {}) const;

  /// The value that a required key names: `get_choice<Mode>("mode", {{"auto",
  /// Mode::kAuto}, ...})`.
  template <class E>
  E get_choice(
      std::string_view key,
      const std::vector<std::pair<std::string, E>>& choices) const {
    return choices[choice(key, names_of(choices), std::nullopt)].second;
  }
  /// The same for an optional key; `fallback` is one of the names.
  template <class E>
  E get_choice_or(
      std::string_view key,
      const std::vector<std::pair<std::string, E>>& choices,
      std::string_view fallback) const {
    return choices[choice(key, names_of(choices), fallback)].second;
  }

  /// Throws ConfigError at the first key below this value that was never asked
  /// for, with the nearest keys that were.
  void reject_unknown() const;

  /// This value as read: typed, defaults filled in; what was not read yet has
  /// YAML's own types.
  nlohmann::json resolved() const;

  /// "file:line", or the `--set` that put the value there.
  const std::string& place() const;
  /// Dotted path from the top: "conditions.1.layer".
  const std::string& path() const;
  /// An error about this value, for checks that a type cannot express: `throw
  /// yaml.error("expected ...")`.
  ConfigError error(std::string_view problem) const;

 private:
  explicit Yaml(std::shared_ptr<YamlNode> node) : node_(std::move(node)) {}
  Yaml child(YamlNode& node) const {
    return Yaml(std::shared_ptr<YamlNode>(node_, &node));
  }
  YamlNode* ask(std::string_view key) const;
  std::size_t choice(
      std::string_view key,
      const std::vector<std::string>& names,
      std::optional<std::string_view> fallback) const;

  template <class E>
  static std::vector<std::string> names_of(
      const std::vector<std::pair<std::string, E>>& choices) {
    std::vector<std::string> names;
    names.reserve(choices.size());
    for (const auto& choice : choices) {
      names.push_back(choice.first);
    }
    return names;
  }

  std::shared_ptr<YamlNode> node_; // shares ownership of the whole tree
};

} // namespace ma
