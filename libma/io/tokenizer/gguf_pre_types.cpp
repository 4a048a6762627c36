// The one list of GGUF pre-tokenizer types.
#include "libma/io/tokenizer/gguf_pre_types.h"

#include <array>
#include <sstream>
#include <vector>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

constexpr const char* kByteLevel = R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";

constexpr const char* kDigitsByteLevel = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})";

constexpr const char* kFalcon = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Punctuation", "behavior": "Contiguous"},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    {"type": "Digits", "individual_digits": false},
    {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": false}]})";

// The patterns are kLlama3Pattern and kQwen2Pattern of matcher.h, in JSON's spelling.
constexpr const char* kLlama3 = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";

constexpr const char* kQwen2 = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";

const std::array<GgufPreType, 7> kPreTypes = {{
    {.names = "gpt-2 phi-2 jais", .pre_tokenizer = kByteLevel, .nfc = false, .ignore_merges = false, .trim_offsets = false, .add_bos = false},
    {.names = "mpt olmo", .pre_tokenizer = kByteLevel, .nfc = true, .ignore_merges = false, .trim_offsets = true, .add_bos = false},
    {.names = "smollm starcoder refact", .pre_tokenizer = kDigitsByteLevel, .nfc = false, .ignore_merges = false, .trim_offsets = false, .add_bos = false},
    {.names = "falcon", .pre_tokenizer = kFalcon, .nfc = false, .ignore_merges = false, .trim_offsets = false, .add_bos = false},
    {.names = "llama-bpe llama3 llama-v3 smaug-bpe", .pre_tokenizer = kLlama3, .nfc = false, .ignore_merges = true, .trim_offsets = true, .add_bos = true},
    {.names = "dbrx", .pre_tokenizer = kLlama3, .nfc = false, .ignore_merges = false, .trim_offsets = false, .add_bos = false},
    {.names = "qwen2", .pre_tokenizer = kQwen2, .nfc = true, .ignore_merges = false, .trim_offsets = false, .add_bos = false},
}};

}  // namespace

const GgufPreType& find_gguf_pre_type(const std::string& name, std::string_view where) {
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
      where, c10::str("tokenizer.ggml.pre is ", in_quotes(name), ", which is not supported; known: ", join(known)));
}

}  // namespace ma::tok
