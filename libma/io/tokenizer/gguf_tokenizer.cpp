// Reading the tokenizer in the metadata of a GGUF file.
#include <algorithm>
#include <unordered_map>

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/gguf.h"
#include "libma/io/tokenizer/gguf_pre_types.h"
#include "libma/io/tokenizer/hf_stages.h"
#include "libma/io/tokenizer/pipeline.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

/// Values of `tokenizer.ggml.token_type`.
enum GgufTokenType : std::int64_t {
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4
};

std::string string_at(
    const Json& metadata, const char* key, std::string_view where) {
  const auto found = metadata.find(key);
  if (found == metadata.end() || !found->is_string()) {
    throw ConfigError(
        where,
        c10::str(
            "has no ",
            key,
            "; convert the model again with a current llama.cpp"));
  }
  return found->get<std::string>();
}

bool flag(
    const Json& metadata,
    const char* key,
    bool fallback,
    std::string_view where) {
  const Json value = metadata.value(key, Json(fallback));
  if (!value.is_boolean()) {
    throw FileError(
        where,
        c10::str(
            key, " is ", value.dump(), ", not a boolean; the file is damaged"));
  }
  return value.get<bool>();
}

std::optional<std::int64_t> token_id(
    const Json& metadata,
    const char* key,
    std::size_t vocab,
    std::string_view where) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    return std::nullopt;
  }
  const bool in_range = found->is_number_integer() &&
                        found->get<std::int64_t>() >= 0 &&
                        found->get<std::uint64_t>() < vocab;
  if (!in_range) {
    throw FileError(
        where,
        c10::str(key, " is ", found->dump(), "; ids are 0 to ", vocab - 1));
  }
  return found->get<std::int64_t>();
}

BpeData read_bpe(
    const GgufFile& file,
    const std::vector<std::string>& tokens,
    std::string_view where) {
  BpeData data;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (const auto invalid = first_invalid_utf8(tokens[id])) {
      throw FileError(
          where,
          c10::str(
              "token ",
              id,
              ", ",
              in_quotes(tokens[id]),
              ", is not UTF-8; the file is damaged"));
    }
    data.vocab.emplace_back(tokens[id], static_cast<std::uint32_t>(id));
  }
  data.merges =
      read_merges(Json(file.string_array("tokenizer.ggml.merges")), where);
  return data;
}

/// Control tokens are special, user-defined ones are found in the text like
/// them but stay when special ones are skipped.
std::vector<AddedToken> read_added_tokens(
    const GgufFile& file,
    const std::vector<std::string>& tokens,
    std::string_view where) {
  std::vector<AddedToken> added;
  const std::vector<std::int64_t> types =
      file.int_array("tokenizer.ggml.token_type");
  if (types.size() != tokens.size()) {
    throw FileError(
        where,
        c10::str(
            "has ",
            tokens.size(),
            " tokens and ",
            types.size(),
            " token types; the file is damaged"));
  }
  for (std::size_t id = 0; id < types.size(); ++id) {
    const bool special = types[id] == kControl || types[id] == kUnknown;
    if ((special || types[id] == kUserDefined) && !tokens[id].empty()) {
      AddedToken token;
      token.id = static_cast<std::uint32_t>(id);
      token.content = tokens[id];
      token.special = special;
      added.push_back(std::move(token));
    }
  }
  return added;
}

} // namespace

std::unique_ptr<Tokenizer> load_tokenizer_gguf(
    const std::filesystem::path& path) {
  const GgufFile file = GgufFile::open(path);
  const Json& metadata = file.metadata();
  TokenizerParts parts;
  parts.where = path.string();
  const std::string model =
      string_at(metadata, "tokenizer.ggml.model", parts.where);
  if (model != "gpt2") {
    throw ConfigError(
        parts.where,
        c10::str(
            "tokenizer.ggml.model is ",
            in_quotes(model),
            ", which is not supported; known: gpt2"));
  }
  const GgufPreType& type = find_gguf_pre_type(
      string_at(metadata, "tokenizer.ggml.pre", parts.where), parts.where);
  parts.vocab = file.string_array("tokenizer.ggml.tokens");
  BpeData data = read_bpe(file, parts.vocab, parts.where);
  data.ignore_merges = type.ignore_merges;
  parts.added = read_added_tokens(file, parts.vocab, parts.where);
  parts.normalizer = type.nfc ? make_nfc() : nullptr;
  parts.pre_tokenizer =
      read_pre_tokenizer(pre_tokenizer_json(type), parts.where);
  parts.model = make_byte_bpe(data, parts.where);
  parts.decoder = make_byte_level_decoder();
  parts.trimming.enabled = type.trim_offsets;
  parts.edges.bos = token_id(
      metadata, "tokenizer.ggml.bos_token_id", parts.vocab.size(), parts.where);
  parts.edges.eos = token_id(
      metadata, "tokenizer.ggml.eos_token_id", parts.vocab.size(), parts.where);
  const bool adds_bos =
      flag(metadata, "tokenizer.ggml.add_bos_token", type.add_bos, parts.where);
  parts.edges.adds_bos = adds_bos && parts.edges.bos;
  return make_pipeline(std::move(parts));
}

} // namespace ma::tok
