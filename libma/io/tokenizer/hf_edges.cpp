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

/// The object in `file`, empty where there is no such file.
Json read_object(const std::filesystem::path& file) {
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
  Folder(const std::filesystem::path& folder, const TokenIds& ids)
      : folder_(folder),
        ids_(ids),
        tokenizer_config_(read_object(folder / "tokenizer_config.json")) {}

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
      return id(*fallback, "tokenizer.json");
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

  bool adds_bos() const {
    return tokenizer_config_.value("add_bos_token", Json()) == true;
  }

 private:
  std::filesystem::path folder_;
  const TokenIds& ids_;
  Json tokenizer_config_;
};

} // namespace

EdgeTokens read_edge_tokens(
    const std::filesystem::path& tokenizer_json,
    const std::optional<std::string>& first_token,
    const TokenIds& ids) {
  const Folder folder(tokenizer_json.parent_path(), ids);
  EdgeTokens edges;
  edges.bos = folder.edge("bos", first_token);
  edges.eos = folder.edge("eos", std::nullopt);
  const bool by_template = first_token && edges.bos == ids(*first_token);
  edges.adds_bos = edges.bos && (by_template || folder.adds_bos());
  return edges;
}

} // namespace ma::tok
