// The one list of GGUF pre-tokenizer types.
#include "libma/io/tokenizer/gguf_pre_types.h"

#include <array>
#include <sstream>
#include <vector>

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/io/tokenizer/matcher.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

constexpr const char* kByteLevel =
    R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";

constexpr const char* kDigitsByteLevel =
    R"({"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})";

constexpr const char* kFalcon = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Punctuation", "behavior": "Contiguous"},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    {"type": "Digits", "individual_digits": false},
    {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": false}]})";

constexpr const char* kBloom = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": " ?[^(\\s|[.,!?…。，、।۔،])]+"}, "behavior": "Isolated", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";

constexpr const char* kDeepseekCoder =
    R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "[\r\n]"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"Regex": "\\s?\\p{L}+"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"Regex": "\\s?\\p{P}+"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"Regex": "[一-龥ࠀ-一가-퟿]+"}, "behavior": "Isolated", "invert": false},
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";

/// What llama.cpp falls back to.
constexpr const char* kDefault = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "[\\p{P}\\$\\+<=>\\^~\\|]+"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"Regex": "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"Regex": "\\p{N}+"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";

const std::array<GgufPreType, 11> kPreTypes = {{
    {.names = "gpt-2 gpt2 phi-2 jais", .pre_tokenizer = kByteLevel},
    {.names = "mpt olmo",
     .pre_tokenizer = kByteLevel,
     .nfc = true,
     .trim_offsets = true},
    {.names = "smollm starcoder refact", .pre_tokenizer = kDigitsByteLevel},
    {.names = "falcon", .pre_tokenizer = kFalcon},
    {.names = "llama-bpe llama3 llama-v3 smaug-bpe",
     .split = kLlama3Pattern,
     .ignore_merges = true,
     .add_bos = true},
    {.names = "dbrx", .split = kLlama3Pattern},
    {.names = "bloom gpt3-finnish", .pre_tokenizer = kBloom},
    {.names = "deepseek-coder", .pre_tokenizer = kDeepseekCoder},
    {.names = "default", .pre_tokenizer = kDefault},
    {.names = "stablelm2", .split = kQwen2Pattern},
    {.names = "qwen2", .split = kQwen2Pattern, .nfc = true},
}};

} // namespace

nlohmann::json pre_tokenizer_json(const GgufPreType& type) {
  if (type.pre_tokenizer != nullptr) {
    return nlohmann::json::parse(type.pre_tokenizer);
  }
  const nlohmann::json split = {
      {"type", "Split"},
      {"pattern", {{"Regex", type.split}}},
      {"behavior", "Isolated"}};
  const nlohmann::json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {
      {"type", "Sequence"},
      {"pretokenizers", nlohmann::json::array({split, byte_level})}};
}

const GgufPreType& find_gguf_pre_type(
    const std::string& name, std::string_view where) {
  std::vector<std::string> known;
  for (const GgufPreType& type : kPreTypes) {
    std::istringstream names(type.names);
    for (std::string known_name; names >> known_name;) {
      if (known_name == name) {
        return type;
      }
      known.push_back(known_name);
    }
  }
  throw ConfigError(
      where,
      c10::str(
          "tokenizer.ggml.pre is ",
          in_quotes(name),
          ", which is not supported; known: ",
          join(known)));
}

} // namespace ma::tok
