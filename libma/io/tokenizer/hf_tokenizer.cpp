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

/// The added tokens of the file. Those outside the vocabulary get the ids
/// behind it, as Hugging Face numbers them.
std::vector<AddedToken> read_added_tokens(
    const Json& json, IdMap& ids, std::string_view where) {
  std::vector<AddedToken> tokens;
  auto next_id = static_cast<std::uint32_t>(ids.size());
  for (const Json& entry : json) {
    AddedToken token;
    token.content = entry.at("content").get<std::string>();
    if (token.content.empty()) {
      continue;
    }
    token.id = entry.at("id").get<std::uint32_t>();
    token.single_word = entry.at("single_word").get<bool>();
    token.lstrip = entry.at("lstrip").get<bool>();
    token.rstrip = entry.at("rstrip").get<bool>();
    token.normalized = entry.at("normalized").get<bool>();
    token.special = entry.at("special").get<bool>();
    const auto [place, is_new] = ids.emplace(token.content, next_id);
    next_id += is_new ? 1 : 0;
    if (place->second != token.id) {
      throw ConfigError(
          where,
          c10::str(
              "the added token ",
              in_quotes(token.content),
              " has id ",
              token.id,
              " and Hugging Face numbers it ",
              place->second,
              "; save the tokenizer again with a current version of "
              "tokenizers"));
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::vector<std::string> tokens_by_id(const IdMap& ids) {
  std::vector<std::string> tokens;
  for (const auto& [token, id] : ids) {
    tokens.resize(std::max<std::size_t>(tokens.size(), id + 1));
    tokens[id] = token;
  }
  return tokens;
}

std::unique_ptr<Tokenizer> build(
    const Json& json, const std::filesystem::path& file) {
  TokenizerParts parts;
  parts.where = file.string();
  const BpeData data = read_model(json.at("model"), parts.where);
  IdMap ids(data.vocab.begin(), data.vocab.end());
  parts.added =
      read_added_tokens(at_or_null(json, "added_tokens"), ids, parts.where);
  parts.vocab = tokens_by_id(ids);
  parts.normalizer =
      read_normalizer(at_or_null(json, "normalizer"), parts.where);
  parts.pre_tokenizer =
      read_pre_tokenizer(at_or_null(json, "pre_tokenizer"), parts.where);
  parts.model = make_byte_bpe(data, parts.where);
  parts.decoder = read_decoder(at_or_null(json, "decoder"), parts.where);
  const PostProcessor processor =
      read_post_processor(at_or_null(json, "post_processor"), parts.where);
  parts.trimming = processor.trimming;
  parts.edges = read_edge_tokens(
      file, processor.first_token, [&ids](const std::string& content) {
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
