// Reading a Hugging Face tokenizer.json.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/strict_json.h"
#include "libma/io/tokenizer/hf_edges.h"
#include "libma/io/tokenizer/hf_stages.h"
#include "libma/io/tokenizer/pipeline.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;
using IdMap = std::unordered_map<std::string, std::uint32_t>;

const Json& at_or_null(const Json& json, const char* key) {
  static const Json null;
  const auto found = json.find(key);
  return found == json.end() ? null : *found;
}

AddedToken read_added_token(const Json& entry) {
  AddedToken token;
  token.content = entry.at("content").get<std::string>();
  token.id = entry.at("id").get<std::uint32_t>();
  token.single_word = entry.at("single_word").get<bool>();
  token.lstrip = entry.at("lstrip").get<bool>();
  token.rstrip = entry.at("rstrip").get<bool>();
  token.normalized = entry.at("normalized").get<bool>();
  token.special = entry.at("special").get<bool>();
  return token;
}

/// The added tokens of the file. Those outside the vocabulary, of `vocab_size`
/// tokens, get the ids behind it, as Hugging Face numbers them.
std::vector<AddedToken> read_added_tokens(
    const Json& json,
    std::size_t vocab_size,
    IdMap& ids,
    std::string_view where) {
  std::vector<AddedToken> tokens;
  auto next_id = static_cast<std::uint32_t>(vocab_size);
  for (const Json& entry : json) {
    AddedToken token = read_added_token(entry);
    if (token.content.empty()) {
      continue;
    }
    const std::uint32_t id = ids.emplace(token.content, next_id).first->second;
    next_id = std::max(next_id, id + 1);
    if (id != token.id) {
      throw ConfigError(
          where,
          c10::str(
              "the added token ",
              in_quotes(token.content),
              " has id ",
              token.id,
              " and Hugging Face numbers it ",
              id,
              "; save the tokenizer again with a current version of "
              "tokenizers"));
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::vector<std::string> tokens_by_id(
    const std::vector<std::pair<std::string, std::uint32_t>>& vocab) {
  std::vector<std::string> tokens;
  for (const auto& [token, id] : vocab) {
    tokens.resize(std::max<std::size_t>(tokens.size(), id + 1));
    tokens[id] = token;
  }
  return tokens;
}

std::unique_ptr<Tokenizer> build(
    const Json& json, const std::filesystem::path& file) {
  TokenizerParts parts;
  parts.where = file.string();
  parts.normalizer =
      read_normalizer(at_or_null(json, "normalizer"), parts.where);
  PreTokenizerStages stages =
      read_pre_tokenizer(at_or_null(json, "pre_tokenizer"), parts.where);
  parts.pre_tokenizer = std::move(stages.pre_tokenizer);
  ModelParts model =
      read_model(json.at("model"), stages.byte_level, parts.where);
  parts.model = std::move(model.model);
  IdMap ids;
  for (const auto& [token, id] : model.vocab) {
    ids[token] = id;
  }
  parts.added = read_added_tokens(
      at_or_null(json, "added_tokens"), model.vocab.size(), ids, parts.where);
  for (const auto& [token, id] : ids) {
    model.vocab.emplace_back(token, id);
  }
  parts.vocab = tokens_by_id(model.vocab);
  parts.decoder = read_decoder(at_or_null(json, "decoder"), parts.where);
  const PostProcessor processor =
      read_post_processor(at_or_null(json, "post_processor"), parts.where);
  parts.trimming = processor.trimming;
  const EdgeDefaults defaults{
      .bos = processor.first_token, .eos = processor.last_token};
  parts.edges =
      read_edge_tokens(file, defaults, [&ids](const std::string& content) {
        const auto found = ids.find(content);
        return found == ids.end() ? std::nullopt
                                  : std::optional<std::int64_t>(found->second);
      });
  return make_pipeline(std::move(parts));
}

} // namespace

std::unique_ptr<Tokenizer> load_tokenizer_json(
    const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw FileError(
        file.string(), "cannot be read; check the path and its permissions");
  }
  try {
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    return build(parse_json(text, file.string()), file);
  } catch (const Json::exception& error) {
    throw FileError(
        file.string(), c10::str("is not a tokenizer.json: ", error.what()));
  }
}

} // namespace ma::tok
