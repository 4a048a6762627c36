// Which tokens a Hugging Face folder puts at the edges of a text.
#include "libma/io/tokenizer/hf_edges.h"

#include <fstream>
#include <iterator>

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/strict_json.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

/// `"<s>"` or `{"content": "<s>", ...}`; nothing for null.
std::optional<std::string> token_content(
    const Json& json, const std::string& where) {
  if (json.is_null()) {
    return std::nullopt;
  }
  const Json& content =
      json.is_object() && json.contains("content") ? json.at("content") : json;
  if (!content.is_string()) {
    throw FileError(
        where,
        c10::str(
            "a special token is ",
            json.dump(),
            ", not a string or an object with content"));
  }
  return content.get<std::string>();
}

/// The first of a list of ids, or the id itself.
std::optional<std::int64_t> first_id(const Json& json) {
  const Json& id = json.is_array() && !json.empty() ? json.front() : json;
  return id.is_number_integer() ? std::optional(id.get<std::int64_t>())
                                : std::nullopt;
}

class Folder {
 public:
  Folder(const std::filesystem::path& file, const TokenIds& ids)
      : folder_(file.parent_path()),
        file_name_(file.filename().string()),
        ids_(ids),
        tokenizer_config_(read_object(folder_ / "tokenizer_config.json")) {}

  std::int64_t id(const std::string& content, const std::string& file) const {
    const auto found = ids_(content);
    if (!found) {
      throw ConfigError(
          (folder_ / file).string(),
          c10::str(
              "the token ",
              in_quotes(content),
              " is not in the vocabulary; correct the file"));
    }
    return *found;
  }

  /// The id of the token called `name` ("bos"), `fallback` where only the
  /// model's configuration is left to ask.
  std::optional<std::int64_t> edge(
      const std::string& name,
      const std::optional<std::string>& fallback) const {
    for (const char* const file :
         {"tokenizer_config.json", "special_tokens_map.json"}) {
      const Json json = read_object(folder_ / file);
      const auto found = json.find(name + "_token");
      if (found != json.end()) {
        const auto content = token_content(*found, (folder_ / file).string());
        return content ? std::optional(id(*content, file)) : std::nullopt;
      }
    }
    if (fallback) {
      return id(*fallback, file_name_);
    }
    if (tokenizer_config_.value("tokenizer_class", Json()) ==
        "PreTrainedTokenizerFast") {
      return std::nullopt;
    }
    for (const char* const file : {"generation_config.json", "config.json"}) {
      const Json json = read_object(folder_ / file);
      if (const auto found = first_id(json.value(name + "_token_id", Json()))) {
        return found;
      }
    }
    return std::nullopt;
  }

  bool adds_bos(bool fallback) const {
    const Json value = tokenizer_config_.value("add_bos_token", Json());
    return value.is_boolean() ? value.get<bool>() : fallback;
  }

 private:
  std::filesystem::path folder_;
  std::string file_name_;
  const TokenIds& ids_;
  Json tokenizer_config_;
};

} // namespace

nlohmann::json read_object(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) {
    return Json::object();
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  Json json = parse_json(text, file.string());
  if (!json.is_object()) {
    throw FileError(
        file.string(), "is not a JSON object; fetch the model again");
  }
  return json;
}

EdgeTokens read_edge_tokens(
    const std::filesystem::path& file,
    const EdgeDefaults& defaults,
    const TokenIds& ids) {
  const Folder folder(file, ids);
  EdgeTokens edges;
  edges.bos = folder.edge("bos", defaults.bos);
  edges.eos = folder.edge("eos", defaults.eos);
  const bool by_file = !defaults.config_decides && defaults.bos &&
                       edges.bos == ids(*defaults.bos);
  edges.adds_bos =
      edges.bos && (by_file || folder.adds_bos(defaults.config_decides));
  return edges;
}

} // namespace ma::tok
