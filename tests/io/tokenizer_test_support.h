// A tiny byte-level BPE: every byte, a few words, and whatever stages a test
// asks for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io_test_support.h"
#include <nlohmann/json.hpp>

#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma::testing {

using Json = nlohmann::json;

/// Merges of the tiny vocabulary; their results follow the bytes: id 256 is
/// "he", 257 "ll", ...
inline const std::vector<std::pair<std::string, std::string>> kTinyMerges = {
    {"h", "e"},
    {"l", "l"},
    {"he", "ll"},
    {"hell", "o"},
    {"Ġ", "hello"},
    {"Ġ", "Ġ"},
    {"a", "a"},
    {"aa", "aa"}};
constexpr std::int64_t kHello = 259;
constexpr std::int64_t kSpaceHello = 260;
constexpr std::int64_t kTinyVocab = 264;

inline Json added_token(
    std::int64_t id,
    const std::string& content,
    const Json& flags = Json::object()) {
  Json token = {
      {"id", id},
      {"content", content},
      {"single_word", false},
      {"lstrip", false},
      {"rstrip", false},
      {"normalized", false},
      {"special", false}};
  token.update(flags);
  return token;
}

/// A tokenizer.json with GPT-2's stages.
inline Json tiny_json() {
  Json vocab;
  for (int byte = 0; byte < 256; ++byte) {
    vocab[tok::byte_letter(static_cast<unsigned char>(byte))] = byte;
  }
  Json merges = Json::array();
  for (const auto& [left, right] : kTinyMerges) {
    vocab[left + right] = vocab.size();
    merges.push_back(left + " " + right);
  }
  return {
      {"version", "1.0"},
      {"added_tokens",
       Json::array({added_token(kTinyVocab, "<|end|>", {{"special", true}})})},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"},
        {"add_prefix_space", false},
        {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}};
}

inline std::unique_ptr<Tokenizer> load_json(const Json& json) {
  const TempDir folder;
  return load_tokenizer(folder.write("tokenizer.json", json.dump()));
}

/// The parts of `text` that the tokens stand for, by their offsets.
inline std::vector<std::string> covered(
    const std::string& text, const Encoding& encoding) {
  std::vector<std::string> parts;
  for (const auto& [first, last] : encoding.offsets) {
    parts.push_back(text.substr(first, last - first));
  }
  return parts;
}

} // namespace ma::testing
