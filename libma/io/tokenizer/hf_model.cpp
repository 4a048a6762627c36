// The model of a tokenizer.json.
#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/hf_json.h"
#include "libma/io/tokenizer/hf_stages.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

/// The id of `token`; a huge one is damage, not a table to allocate.
std::uint32_t vocab_id(
    const std::string& token, const Json& id, std::string_view where) {
  constexpr std::uint64_t kHighestId = 1U << 24;
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() > kHighestId) {
    throw FileError(
        where,
        c10::str(
            "the token ",
            in_quotes(token),
            " has id ",
            id.dump(),
            "; the file is damaged"));
  }
  return id.get<std::uint32_t>();
}

/// `"a b"` or `["a", "b"]`.
BpeMerge merge_of(
    const Json& json, std::uint32_t rank, std::string_view where) {
  if (json.is_array() && json.size() == 2) {
    return {json[0].get<std::string>(), json[1].get<std::string>(), rank};
  }
  const std::string text = json.is_string() ? json.get<std::string>() : "";
  const std::size_t space = text.find(' ');
  if (space == std::string::npos ||
      text.find(' ', space + 1) != std::string::npos) {
    throw FileError(
        where,
        c10::str(
            "the merge ",
            in_quotes(json.is_string() ? text : json.dump()),
            " is not two tokens with a space between; the file is damaged"));
  }
  return {text.substr(0, space), text.substr(space + 1), rank};
}

void refuse_options(const Json& json, bool byte_level, std::string_view where) {
  if (value_or(json, "dropout", 0.0) != 0.0 ||
      !value_or<std::string>(json, "continuing_subword_prefix", "").empty()) {
    throw ConfigError(
        where,
        "the model uses dropout or continuing_subword_prefix, which is not "
        "supported; only BPE without them is");
  }
  if (!byte_level &&
      !value_or<std::string>(json, "end_of_word_suffix", "").empty()) {
    throw ConfigError(
        where,
        "the model uses end_of_word_suffix without ByteLevel, which is not "
        "supported; with it, it is");
  }
}

ModelParts read_bpe(const Json& json, bool byte_level, std::string_view where) {
  refuse_options(json, byte_level, where);
  BpeData data;
  data.ignore_merges = value_or(json, "ignore_merges", false);
  data.byte_fallback = value_or(json, "byte_fallback", false);
  data.fuse_unknown = value_or(json, "fuse_unk", false);
  data.word_end = value_or<std::string>(json, "end_of_word_suffix", "");
  if (json.contains("unk_token") && !json.at("unk_token").is_null()) {
    data.unknown_token = json.at("unk_token").get<std::string>();
  }
  if (!json.at("vocab").is_object() || !json.at("merges").is_array()) {
    throw FileError(
        where,
        "model.vocab is no object or model.merges no array; the file is "
        "damaged");
  }
  for (const auto& [token, id] : json.at("vocab").items()) {
    data.vocab.emplace_back(token, vocab_id(token, id, where));
  }
  data.merges = read_merges(json.at("merges"), where);
  if (byte_level && data.byte_fallback) {
    throw ConfigError(
        where,
        "the model uses byte_fallback behind ByteLevel, which leaves no byte "
        "to fall back to; keep one of the two");
  }
  ModelParts parts;
  parts.model =
      byte_level ? make_byte_bpe(data, where) : make_char_bpe(data, where);
  parts.vocab = std::move(data.vocab);
  return parts;
}

ModelParts read_unigram(
    const Json& json, bool byte_level, std::string_view where) {
  if (byte_level) {
    throw ConfigError(
        where, "a Unigram model behind ByteLevel is not supported; BPE is");
  }
  if (!json.at("vocab").is_array()) {
    throw FileError(where, "model.vocab is no array; the file is damaged");
  }
  UnigramData data;
  data.byte_fallback = value_or(json, "byte_fallback", false);
  if (json.contains("unk_id") && !json.at("unk_id").is_null()) {
    data.unknown = vocab_id("unk_id", json.at("unk_id"), where);
  }
  ModelParts parts;
  for (const Json& entry : json.at("vocab")) {
    const auto id = static_cast<std::uint32_t>(data.vocab.size());
    data.vocab.emplace_back(
        entry.at(0).get<std::string>(), entry.at(1).get<double>());
    parts.vocab.emplace_back(data.vocab.back().first, id);
  }
  parts.model = make_unigram(data, where);
  return parts;
}

/// The kind, or what the keys of an older file tell.
std::string model_kind(const Json& json) {
  const char* const guess =
      json.contains("merges")
          ? "BPE"
          : (json.contains("vocab") && json.at("vocab").is_array()
                 ? "Unigram"
                 : "without a type");
  return value_or<std::string>(json, "type", guess);
}

} // namespace

ModelParts read_model(
    const Json& json, bool byte_level, std::string_view where) {
  const std::string kind = model_kind(json);
  if (kind == "BPE") {
    return read_bpe(json, byte_level, where);
  }
  if (kind == "Unigram") {
    return read_unigram(json, byte_level, where);
  }
  refuse_kind(where, "model", kind, "BPE, Unigram");
}

std::vector<BpeMerge> read_merges(const Json& json, std::string_view where) {
  std::vector<BpeMerge> merges;
  for (const Json& merge : json) {
    const bool header =
        merge.is_string() &&
        merge.get_ref<const std::string&>().starts_with("#version");
    if (!header) {
      const auto rank = static_cast<std::uint32_t>(merges.size());
      merges.push_back(merge_of(merge, rank, where));
    }
  }
  return merges;
}

} // namespace ma::tok
