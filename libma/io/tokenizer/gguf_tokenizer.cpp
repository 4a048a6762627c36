// Reading the tokenizer in the metadata of a GGUF file.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

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
  kNormal = 1,
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

/// Tokens with their ids.
BpeData read_vocab(
    const std::vector<std::string>& tokens, std::string_view where) {
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
  return data;
}

/// The array `key` of numbers, one for each of `count` tokens.
template <class Value>
std::vector<Value> one_each(
    std::vector<Value> values,
    const char* what,
    std::size_t count,
    std::string_view where) {
  if (values.size() != count) {
    throw FileError(
        where,
        c10::str(
            "has ",
            count,
            " tokens and ",
            values.size(),
            " ",
            what,
            "; the file is damaged"));
  }
  return values;
}

std::vector<std::int64_t> token_types(
    const GgufFile& file, std::size_t count, std::string_view where) {
  return one_each(
      file.int_array("tokenizer.ggml.token_type"), "token types", count, where);
}

/// Control tokens are special, user-defined ones are found in the text like
/// them but stay when special ones are skipped.
std::vector<AddedToken> read_added_tokens(
    const GgufFile& file,
    const std::vector<std::string>& tokens,
    std::string_view where) {
  std::vector<AddedToken> added;
  const auto types = token_types(file, tokens.size(), where);
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

/// Ranks of `scores` for the tokens that merges may make, the highest first,
/// equal ones alike.
std::vector<std::optional<std::uint32_t>> ranks(
    const std::vector<double>& scores, const std::vector<std::int64_t>& types) {
  std::vector<double> order = scores;
  std::sort(order.begin(), order.end(), std::greater<>());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  std::vector<std::optional<std::uint32_t>> found;
  for (std::size_t id = 0; id < scores.size(); ++id) {
    const auto place = std::lower_bound(
        order.begin(), order.end(), scores[id], std::greater<>());
    const bool made = types[id] == kNormal || types[id] == kUserDefined;
    found.push_back(
        made ? std::optional(static_cast<std::uint32_t>(place - order.begin()))
             : std::nullopt);
  }
  return found;
}

/// Byte-level BPE with the stages that `tokenizer.ggml.pre` stands for.
void read_gpt2(const GgufFile& file, TokenizerParts& parts) {
  const GgufPreType& type = find_gguf_pre_type(
      string_at(file.metadata(), "tokenizer.ggml.pre", parts.where),
      parts.where);
  BpeData data = read_vocab(parts.vocab, parts.where);
  data.merges = read_merges(
      Json(file.string_array("tokenizer.ggml.merges")), parts.where);
  data.ignore_merges = type.ignore_merges;
  parts.normalizer = type.nfc ? make_unicode_form(UnicodeForm::kNfc) : nullptr;
  parts.pre_tokenizer =
      read_pre_tokenizer(pre_tokenizer_json(type), parts.where).pre_tokenizer;
  parts.model = make_byte_bpe(data, parts.where);
  parts.decoder = make_byte_level_decoder();
  parts.trimming.enabled = type.trim_offsets;
  parts.edges.adds_bos = type.add_bos;
}

/// SentencePiece's BPE as llama.cpp runs it: merges by the score of what they
/// make.
void read_llama(const GgufFile& file, TokenizerParts& parts) {
  const Json& metadata = file.metadata();
  if (flag(
          metadata,
          "tokenizer.ggml.remove_extra_whitespaces",
          false,
          parts.where)) {
    throw ConfigError(
        parts.where,
        "tokenizer.ggml.remove_extra_whitespaces is true, which is not "
        "supported; convert a model whose tokenizer keeps white space");
  }
  const std::size_t count = parts.vocab.size();
  BpeData data = read_vocab(parts.vocab, parts.where);
  const std::vector<double> scores = one_each(
      file.float_array("tokenizer.ggml.scores"), "scores", count, parts.where);
  if (!std::all_of(scores.begin(), scores.end(), [](double score) {
        return std::isfinite(score);
      })) {
    throw FileError(
        parts.where, "a score of 'tokenizer.ggml.scores' is not finite");
  }
  add_merges_by_rank(
      data, ranks(scores, token_types(file, count, parts.where)));
  data.byte_fallback = true;
  data.fuse_unknown = true;
  const auto unknown =
      token_id(metadata, "tokenizer.ggml.unknown_token_id", count, parts.where);
  if (count > 0) {
    data.unknown_token =
        parts.vocab[static_cast<std::size_t>(unknown.value_or(0))];
  }
  const bool prefix =
      flag(metadata, "tokenizer.ggml.add_space_prefix", true, parts.where);
  const std::string space = Metaspace{}.replacement;
  std::vector<NormalizerPtr> normalizers;
  std::vector<DecoderPtr> decoders;
  if (prefix) {
    normalizers.push_back(make_prepend(space));
  }
  normalizers.push_back(make_replace(make_literal_matcher(" "), space));
  decoders.push_back(make_replace_decoder(make_literal_matcher(space), " "));
  decoders.push_back(make_byte_fallback_decoder());
  decoders.push_back(make_fuse_decoder());
  if (prefix) {
    decoders.push_back(make_strip_decoder({.content = " ", .start = 1}));
  }
  parts.normalizer = make_normalizer_sequence(std::move(normalizers));
  parts.pre_tokenizer = make_sequence({});
  parts.model = make_char_bpe(data, parts.where);
  parts.decoder = make_decoder_sequence(std::move(decoders));
  parts.edges = {.bos = 1, .eos = 2, .adds_bos = true};
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
  if (model != "gpt2" && model != "llama") {
    throw ConfigError(
        parts.where,
        c10::str(
            "tokenizer.ggml.model is ",
            in_quotes(model),
            ", which is not supported; known: gpt2, llama"));
  }
  parts.vocab = file.string_array("tokenizer.ggml.tokens");
  parts.added = read_added_tokens(file, parts.vocab, parts.where);
  if (model == "gpt2") {
    read_gpt2(file, parts);
  } else {
    read_llama(file, parts);
  }
  const auto edge = [&](const char* key, std::optional<std::int64_t> fallback) {
    const auto found = token_id(metadata, key, parts.vocab.size(), parts.where);
    const bool has_fallback =
        fallback && *fallback < static_cast<std::int64_t>(parts.vocab.size());
    return found ? found : (has_fallback ? fallback : std::nullopt);
  };
  EdgeTokens& edges = parts.edges;
  edges.bos = edge("tokenizer.ggml.bos_token_id", edges.bos);
  edges.eos = edge("tokenizer.ggml.eos_token_id", edges.eos);
  const bool adds_bos = flag(
      metadata, "tokenizer.ggml.add_bos_token", edges.adds_bos, parts.where);
  edges.adds_bos = adds_bos && edges.bos;
  return make_pipeline(std::move(parts));
}

} // namespace ma::tok
