// Numbers of blocks, dims and the like that a caller names.
#pragma once

#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"

namespace ma {

/// Throws ConfigError, located at `where`, unless 0 <= index < size: "there is
/// no block 9; use 0 to 5".
inline void check_index(
    std::string_view where,
    std::string_view what,
    std::int64_t index,
    std::int64_t size) {
  if (index < 0 || index >= size) {
    throw ConfigError(
        where,
        c10::str("there is no ", what, " ", index, "; use 0 to ", size - 1));
  }
}

/// The blocks `layers` (0-based) of `n_layers`; all of them when none is named.
/// Throws as check_index does.
inline std::vector<std::int64_t> listed_or_all(
    std::string_view where,
    std::vector<std::int64_t> layers,
    std::int64_t n_layers) {
  for (const std::int64_t layer : layers) {
    check_index(where, "block", layer, n_layers);
  }
  if (layers.empty()) {
    layers.resize(static_cast<std::size_t>(n_layers));
    std::iota(layers.begin(), layers.end(), 0);
  }
  return layers;
}

} // namespace ma
