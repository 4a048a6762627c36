// Keys that name blocks: by their numbers, or by a word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/core/yaml.h"

namespace ma::experiments {

/// Blocks of a model.
struct LayerChoice {
  enum class Kind { kAuto, kAll, kNone, kListed };
  Kind kind = Kind::kAuto;
  std::vector<std::int64_t> layers = {}; ///< kListed, 0-based
};

/// A block or a list of blocks (0-based, at least `lowest`), or one of `words`:
/// `auto`, `all`, `none`; the first of them when the key is absent. Throws
/// ConfigError.
LayerChoice read_layers(
    const Yaml& yaml,
    const std::string& key,
    const std::vector<LayerChoice::Kind>& words,
    std::int64_t lowest = 0);

/// Throws ConfigError, located at the key `where`, unless all `layers` are
/// blocks of a model of `n_layers`, or at least `lowest`.
void check_layers(
    std::string_view where,
    const std::vector<std::int64_t>& layers,
    std::int64_t n_layers,
    std::int64_t lowest = 0);

/// A number from 0, of a block or a dim; nothing for `auto`, or when the key is
/// absent. Throws ConfigError.
std::optional<std::int64_t> read_index(
    const Yaml& yaml, const std::string& key);

} // namespace ma::experiments
