// Text -> tree with yaml-cpp (which no other file sees), and `--set` overrides
// of that tree.
#include "libma/core/yaml.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "libma/core/files.h"
#include "libma/core/names.h"
#include "libma/core/yaml_node.h"

namespace ma {
namespace {

using Kind = YamlNode::Kind;

constexpr int kMaxDepth = 64;
constexpr int kMaxNodes = 100'000; // aliases of aliases grow exponentially

std::string prefix(const YamlNode& node) {
  return node.path.empty() ? "" : node.path + ": ";
}

/// Remembers where the latest document began, and nothing else.
class DocumentStart : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& start) override { mark = start; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(
      const YAML::Mark&,
      const std::string&,
      YAML::anchor_t,
      const std::string&) override {}
  void OnSequenceStart(
      const YAML::Mark&,
      const std::string&,
      YAML::anchor_t,
      YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(
      const YAML::Mark&,
      const std::string&,
      YAML::anchor_t,
      YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark mark;
};

/// Copies what yaml-cpp parsed into our tree, refusing what yaml-cpp accepts
/// silently.
class TreeBuilder {
 public:
  /// With `fixed_place`, errors name it alone, without a line.
  TreeBuilder(std::string_view origin, bool fixed_place)
      : origin_(origin), fixed_place_(fixed_place) {}

  std::string place(const YAML::Mark& mark) const {
    return fixed_place_ || mark.is_null()
               ? origin_
               : origin_ + ":" + std::to_string(mark.line + 1);
  }

  /// The only document of `text`; null when there is none.
  YAML::Node parse(const std::string& text) const {
    refuse_binary(text);
    try {
      refuse_second_document(text);
      return YAML::Load(text);
    } catch (const YAML::DeepRecursion& e) {
      throw ConfigError(place(e.mark), "nested too deeply");
    } catch (const YAML::Exception& e) {
      throw ConfigError(
          place(e.mark),
          "not valid YAML: " + e.msg +
              "; check indentation, quotes and brackets here");
    }
  }

  void build(const YAML::Node& from, YamlNode& to, int depth = 0) {
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      throw ConfigError(
          to.place,
          "nested or repeated too deeply; does an alias contain itself?");
    }
    const std::string& tag = from.Tag();
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw ConfigError(
          to.place,
          prefix(to) + "the tag '" + tag +
              "' is not supported; write a plain value");
    }
    if (from.IsMap()) {
      build_map(from, to, depth);
    } else if (from.IsSequence()) {
      to.kind = Kind::kList;
      for (const auto& item : from) {
        const auto item_place =
            item.Mark().is_null() ? to.place : place(item.Mark());
        build(
            item,
            to.add("", std::to_string(to.entries.size()), item_place),
            depth + 1);
      }
    } else if (from.IsScalar()) {
      to.kind = Kind::kScalar;
      to.text = from.Scalar();
      to.quoted = tag == "!";
    }
  }

 private:
  void build_map(const YAML::Node& from, YamlNode& to, int depth) {
    to.kind = Kind::kMap;
    for (const auto& entry : from) {
      const auto key_place = place(entry.first.Mark());
      if (!entry.first.IsScalar()) {
        throw ConfigError(key_place, prefix(to) + "a key must be text");
      }
      const std::string& key = entry.first.Scalar();
      if (const auto* earlier = to.find(key)) {
        throw ConfigError(
            key_place,
            to.path_of(key) + ": given twice, first at " +
                earlier->node->place);
      }
      build(entry.second, to.add(key, key, key_place), depth + 1);
    }
  }

  /// Not YAML::LoadAll, which never ends on text that begins with a comma.
  void refuse_second_document(const std::string& text) const {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentStart start;
    if (parser.HandleNextDocument(start) && parser.HandleNextDocument(start)) {
      throw ConfigError(
          place(start.mark), "a second YAML document begins; expected one");
    }
  }

  /// yaml-cpp stops without a word at some control characters, and JSON cannot
  /// hold what is not UTF-8.
  void refuse_binary(const std::string& text) const {
    const auto is_control = [](char c) {
      return c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r';
    };
    std::size_t begin = 0;
    for (int line = 1; begin < text.size(); ++line) {
      const auto end = std::min(text.find('\n', begin), text.size());
      const auto content = text.substr(begin, end - begin);
      const auto where =
          fixed_place_ ? origin_ : origin_ + ":" + std::to_string(line);
      if (std::any_of(content.begin(), content.end(), is_control)) {
        throw ConfigError(where, "contains a control character; expected text");
      }
      try {
        static_cast<void>(nlohmann::json(content).dump());
      } catch (const nlohmann::json::exception&) {
        throw ConfigError(where, "is not UTF-8; save the file as UTF-8");
      }
      begin = end + 1;
    }
  }

  std::string origin_;
  bool fixed_place_;
  int nodes_ = 0;
};

std::vector<std::string> split_path(
    const std::string& path, const std::string& place) {
  std::vector<std::string> keys;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const auto end = std::min(path.find('.', begin), path.size());
    if (end == begin) {
      throw ConfigError(
          place,
          "an empty key; expected KEY=VALUE with KEY like model.dtype or "
          "conditions.1.layer");
    }
    keys.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return keys;
}

/// The value that `key` leads to in a list: an existing item, or a new one just
/// past the end.
YamlNode& step_into_list(
    YamlNode& list, const std::string& key, const std::string& place) {
  std::size_t index = 0;
  const auto [end, code] =
      std::from_chars(key.data(), key.data() + key.size(), index);
  if (code != std::errc() || end != key.data() + key.size()) {
    throw ConfigError(
        place,
        list.path + ": is a list, expected an index instead of '" + key + "'");
  }
  if (index < list.entries.size()) {
    return *list.entries[index].node;
  }
  if (index == list.entries.size()) {
    return list.add("", key, place);
  }
  throw ConfigError(
      place,
      list.path + ": has " + std::to_string(list.entries.size()) +
          " items, there is no item " + key);
}

YamlNode& step_into(
    YamlNode& node, const std::string& key, const std::string& place) {
  if (node.kind == Kind::kList) {
    return step_into_list(node, key, place);
  }
  if (node.kind == Kind::kScalar) {
    throw ConfigError(
        place,
        node.path + ": is '" + node.text + "', which has no key '" + key + "'");
  }
  node.kind = Kind::kMap;
  auto* entry = node.find(key);
  return entry != nullptr ? *entry->node : node.add(key, key, place);
}

void apply_override(YamlNode& root, const std::string& text) {
  const auto place = "--set " + text;
  const auto equals = text.find('=');
  if (equals == std::string::npos) {
    throw ConfigError(
        place, "expected KEY=VALUE, for example model.dtype=bfloat16");
  }
  auto* node = &root;
  for (const auto& key : split_path(text.substr(0, equals), place)) {
    node = &step_into(*node, key, place);
  }
  YamlNode value;
  value.place = place;
  value.path = node->path;
  TreeBuilder builder(place, /*fixed_place=*/true);
  builder.build(builder.parse(text.substr(equals + 1)), value);
  *node = std::move(value);
}

} // namespace

Yaml Yaml::load(
    const std::filesystem::path& path,
    const std::vector<std::string>& overrides) {
  return parse(read_file(path), path.string(), overrides);
}

Yaml Yaml::parse(
    std::string_view text,
    std::string_view origin,
    const std::vector<std::string>& overrides) {
  auto root = std::make_shared<YamlNode>();
  TreeBuilder builder(origin, /*fixed_place=*/false);
  const auto document = builder.parse(std::string(text));
  root->place = std::string(origin) + ":1";
  builder.build(document, *root);
  if (root->kind != Kind::kMap) {
    throw ConfigError(
        root->place,
        root->kind == Kind::kNull
            ? "is empty; expected 'key: value' lines"
            : "expected 'key: value' lines at the top level");
  }
  for (const auto& text_of_override : overrides) {
    apply_override(*root, text_of_override);
  }
  return Yaml(std::move(root));
}

} // namespace ma
