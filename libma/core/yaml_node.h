// The tree behind ma::Yaml, and its memory of what was read. Internal: only
// yaml.cpp and yaml_read.cpp include it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ma {

struct YamlNode;

/// A value in a map (with its key) or in a list (without).
struct YamlEntry {
  std::string key;
  std::unique_ptr<YamlNode> node;
  bool asked = false; ///< somebody asked for the key
  bool is_default =
      false; ///< not in the file: a default, kept for `resolved()`
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text; ///< of a scalar
  bool quoted = false;
  std::string place; ///< "file:line" or "--set a.b=c"
  std::string path;  ///< "evaluate.perplexity.window"
  std::vector<YamlEntry> entries;

  std::vector<std::string> asked;      ///< keys asked for, present or not
  std::optional<nlohmann::json> value; ///< as read, or as defaulted

  YamlEntry* find(std::string_view key) {
    for (auto& entry : entries) {
      if (entry.key == key) {
        return &entry;
      }
    }
    return nullptr;
  }

  std::string path_of(std::string_view key) const {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  /// An empty value under `key` (a list's entries have no key in the tree, but
  /// one in the path).
  YamlNode& add(
      std::string key, std::string_view path_key, std::string child_place) {
    auto node = std::make_unique<YamlNode>();
    node->place = std::move(child_place);
    node->path = path_of(path_key);
    entries.push_back({.key = std::move(key), .node = std::move(node)});
    return *entries.back().node;
  }
};

} // namespace ma
