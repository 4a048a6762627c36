// A tokenizer made of LLaMA 3's tokenizer.model, a list of byte strings by rank
// (tiktoken): the pair whose result ranks lowest is merged first.
#include <algorithm>
#include <charconv>
#include <utility>

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/base64.h"
#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/gguf_pre_types.h"
#include "libma/io/tokenizer/hf_stages.h"
#include "libma/io/tokenizer/model_file.h"

namespace ma::tok {
namespace {

constexpr std::size_t kLlama3Ranks = 128000;
constexpr std::size_t kLlama3Special = 256;

/// Reads the lines "IQ== 0", "Ig== 1", ...
std::vector<std::string> read_ranks(
    std::string_view bytes, const std::string& where) {
  std::vector<std::string> tokens;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    if (line.empty()) {
      continue;
    }
    const std::size_t space = std::min(line.find(' '), line.size() - 1);
    std::size_t rank = 0;
    const auto [end, error] = std::from_chars(
        line.data() + space + 1, line.data() + line.size(), rank);
    if (error != std::errc() || end != line.data() + line.size() ||
        rank != tokens.size()) {
      throw FileError(
          where,
          c10::str(
              "line ",
              tokens.size() + 1,
              " is not a token in base64 and the rank ",
              tokens.size(),
              "; fetch the file again"));
    }
    tokens.push_back(decode_base64(line.substr(0, space), where));
  }
  return tokens;
}

/// The special tokens of LLaMA 3 (llama3/tokenizer.py), by id behind the ranks.
std::vector<std::string> special_tokens() {
  std::vector<std::string> tokens(kLlama3Special);
  tokens[0] = "<|begin_of_text|>";
  tokens[1] = "<|end_of_text|>";
  tokens[6] = "<|start_header_id|>";
  tokens[7] = "<|end_header_id|>";
  tokens[9] = "<|eot_id|>";
  int reserved = 0;
  for (std::string& token : tokens) {
    if (token.empty()) {
      token = c10::str("<|reserved_special_token_", reserved++, "|>");
    }
  }
  return tokens;
}

} // namespace

bool looks_like_tiktoken(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const std::size_t space = line.find(' ');
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  return space != std::string_view::npos && space > 0 &&
         line.substr(0, space).find_first_not_of(kDigits) ==
             std::string_view::npos &&
         space + 1 < line.size() &&
         line.find_first_not_of("0123456789", space + 1) ==
             std::string_view::npos;
}

ModelFileParts tiktoken_parts(
    const std::string& bytes, const std::filesystem::path& file) {
  const std::string where = file.string();
  const std::vector<std::string> ranks = read_ranks(bytes, where);
  if (ranks.size() != kLlama3Ranks) {
    throw ConfigError(
        where,
        c10::str(
            "holds ",
            ranks.size(),
            " ranks; of such files only LLaMA 3's, with ",
            kLlama3Ranks,
            ", is supported; save a tokenizer.json with transformers"));
  }
  BpeData data;
  data.ignore_merges = true;
  std::vector<std::optional<std::uint32_t>> rank_of;
  for (const std::string& token : ranks) {
    std::string letters;
    for (const char byte : token) {
      letters += byte_letter(static_cast<unsigned char>(byte));
    }
    const auto rank = static_cast<std::uint32_t>(data.vocab.size());
    data.vocab.emplace_back(std::move(letters), rank);
    rank_of.emplace_back(rank);
  }
  add_merges_by_rank(data, rank_of);
  ModelFileParts result;
  TokenizerParts& parts = result.parts;
  parts.where = where;
  for (const auto& [token, id] : data.vocab) {
    parts.vocab.push_back(token);
  }
  for (const std::string& content : special_tokens()) {
    AddedToken token;
    token.id = static_cast<std::uint32_t>(parts.vocab.size());
    token.content = content;
    token.special = true;
    parts.added.push_back(token);
    parts.vocab.push_back(content);
  }
  const GgufPreType& type = find_gguf_pre_type("llama-bpe", where);
  parts.pre_tokenizer =
      read_pre_tokenizer(pre_tokenizer_json(type), where).pre_tokenizer;
  parts.model = make_byte_bpe(data, where);
  parts.decoder = make_byte_level_decoder();
  result.bos = special_tokens()[0];
  result.eos = special_tokens()[1];
  return result;
}

} // namespace ma::tok
