// A named list of factories: models, interventions, scorers.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libma/core/error.h"

namespace ma {

/// Maps names to values of type `T`. Filled explicitly from a `builtin.def`,
/// never by static initialisers.
template <class T>
class Registry {
 public:
  /// `kind` is what an entry is called in error messages ("model type",
  /// "intervention").
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  /// Adds an entry. Throws ConfigError when the name is taken.
  void add(const std::string& name, T value) {
    if (!entries_.emplace(name, std::move(value)).second) {
      throw ConfigError(
          kind_ + " registry", "'" + name + "' is registered twice");
    }
  }

  /// The entry called `name`. Throws UnknownNameError, located at `where`, with
  /// the nearest names.
  const T& get(const std::string& name, std::string_view where) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      throw UnknownNameError(where, kind_, name, names());
    }
    return found->second;
  }

  /// All names in alphabetical order.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    names.reserve(entries_.size());
    for (const auto& entry : entries_) {
      names.push_back(entry.first);
    }
    return names;
  }

 private:
  std::string kind_;
  std::map<std::string, T> entries_;
};

} // namespace ma
