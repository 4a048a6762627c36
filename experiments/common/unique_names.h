// Names that tell rows and columns apart.
#pragma once

#include <set>
#include <string>

#include "libma/core/yaml.h"

namespace ma::experiments {

/// Adds `name` to `names`. Throws ConfigError, located at `yaml`, when it is
/// taken.
inline void require_new(
    const Yaml& yaml, const std::string& name, std::set<std::string>& names) {
  if (!names.insert(name).second) {
    throw yaml.error(
        "the name '" + name + "' is taken; give each its own name");
  }
}

} // namespace ma::experiments
