// Keys that name blocks: by their numbers, or by a word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libma/core/yaml.h"

namespace ma::experiments {

/// Blocks of a model.
struct LayerChoice {
  enum class Kind { kAuto, kAll, kNone, kListed };
  Kind kind = Kind::kAuto;
  std::vector<std::int64_t> layers = {}; ///< kListed, 0-based
  std::int64_t lowest = 0;               ///< that the key takes
  std::optional<Yaml> key = {};          ///< kListed: where they are named

  /// The block of a key that takes one; nothing when it was a word.
  std::optional<std::int64_t> single() const;
};

/// A block or a list of blocks (0-based, at least `lowest`), or one of `words`:
/// `auto`, `all`, `none`; the first of them when the key is absent. Throws
/// ConfigError.
LayerChoice read_layers(
    const Yaml& yaml,
    const std::string& key,
    const std::vector<LayerChoice::Kind>& words,
    std::int64_t lowest = 0);

/// A block (0-based), or `auto`, also when the key is absent. Throws
/// ConfigError.
LayerChoice read_layer(const Yaml& yaml, const std::string& key);

/// Throws ConfigError, located at the key, unless all blocks that it names are
/// of a model of `n_layers`, or at least `choice.lowest`.
void check_layers(const LayerChoice& choice, std::int64_t n_layers);

/// A number from 0, of a block or a dim; nothing for `auto`, or when the key is
/// absent. Throws ConfigError.
std::optional<std::int64_t> read_index(
    const Yaml& yaml, const std::string& key);

} // namespace ma::experiments
