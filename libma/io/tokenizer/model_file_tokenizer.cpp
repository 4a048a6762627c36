// Reading a tokenizer.model and what lies beside it.
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/mapped_file.h"
#include "libma/io/tokenizer/hf_edges.h"
#include "libma/io/tokenizer/hf_json.h"
#include "libma/io/tokenizer/model_file.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

/// A huge id is damage, not a table to allocate.
std::uint32_t checked_id(
    std::int64_t id, const std::string& content, const std::string& where) {
  constexpr std::int64_t kHighestId = 1 << 24;
  if (id < 0 || id > kHighestId) {
    throw FileError(
        where,
        c10::str(
            "the added token ",
            in_quotes(content),
            " has id ",
            id,
            "; correct the file"));
  }
  return static_cast<std::uint32_t>(id);
}

/// `{"32000": {"content": "<pad>", "special": true, ...}, ...}`.
std::vector<AddedToken> added_tokens_decoder(
    const Json& json, const std::string& where) {
  std::vector<AddedToken> tokens;
  for (const auto& [key, entry] : json.items()) {
    AddedToken token;
    token.content = entry.at("content").get<std::string>();
    std::int64_t id = -1;
    std::from_chars(key.data(), key.data() + key.size(), id);
    token.id = checked_id(id, token.content, where);
    token.single_word = value_or(entry, "single_word", false);
    token.lstrip = value_or(entry, "lstrip", false);
    token.rstrip = value_or(entry, "rstrip", false);
    token.special = value_or(entry, "special", false);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

/// `{"<pad>": 32000, ...}`.
std::vector<AddedToken> added_tokens_map(
    const Json& json, const std::string& where) {
  std::vector<AddedToken> tokens;
  for (const auto& [content, id] : json.items()) {
    AddedToken token;
    token.content = content;
    token.id = checked_id(id.get<std::int64_t>(), content, where);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

/// `read` of a JSON value, its failures as those of the file.
template <class Read>
std::vector<AddedToken> read_tokens(
    const Read& read, const Json& json, const std::string& where) {
  try {
    return json.is_null() ? std::vector<AddedToken>() : read(json, where);
  } catch (const Json::exception& error) {
    throw FileError(
        where, c10::str("lists added tokens wrongly: ", error.what()));
  }
}

} // namespace

void add_tokens_of_folder(
    const std::filesystem::path& file, TokenizerParts& parts) {
  std::map<std::uint32_t, AddedToken> by_id;
  for (AddedToken& token : parts.added) {
    by_id[token.id] = std::move(token);
  }
  const std::filesystem::path config =
      file.parent_path() / "tokenizer_config.json";
  const std::filesystem::path map = file.parent_path() / "added_tokens.json";
  for (AddedToken& token :
       read_tokens(added_tokens_map, read_object(map), map.string())) {
    by_id[token.id] = std::move(token);
  }
  for (AddedToken& token : read_tokens(
           added_tokens_decoder,
           read_object(config).value("added_tokens_decoder", Json()),
           config.string())) {
    by_id[token.id] = std::move(token);
  }
  parts.added.clear();
  for (auto& [id, token] : by_id) {
    if (token.content.empty()) {
      continue;
    }
    parts.vocab.resize(std::max<std::size_t>(parts.vocab.size(), id + 1));
    parts.vocab[id] = token.content;
    parts.added.push_back(std::move(token));
  }
}

std::unique_ptr<Tokenizer> load_tokenizer_model(
    const std::filesystem::path& file) {
  const auto mapped = MappedFile::open(file);
  const std::string bytes(
      reinterpret_cast<const char*>(mapped->bytes().data()),
      mapped->bytes().size());
  ModelFileParts result = looks_like_tiktoken(bytes)
                              ? tiktoken_parts(bytes, file)
                              : sentencepiece_parts(bytes, file);
  TokenizerParts& parts = result.parts;
  add_tokens_of_folder(file, parts);
  std::map<std::string, std::int64_t> ids;
  for (std::size_t id = 0; id < parts.vocab.size(); ++id) {
    ids.emplace(parts.vocab[id], static_cast<std::int64_t>(id));
  }
  const EdgeDefaults defaults{
      .bos = result.bos, .eos = result.eos, .config_decides = true};
  parts.edges =
      read_edge_tokens(file, defaults, [&ids](const std::string& content) {
        const auto found = ids.find(content);
        return found == ids.end() ? std::nullopt : std::optional(found->second);
      });
  return make_pipeline(std::move(parts));
}

} // namespace ma::tok
