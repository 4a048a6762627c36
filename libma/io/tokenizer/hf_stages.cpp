// The stages that a Hugging Face tokenizer.json describes.
#include "libma/io/tokenizer/hf_stages.h"

#include <c10/util/StringUtil.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/matcher.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(
    std::string_view where,
    const char* stage,
    const std::string& kind,
    const char* known) {
  throw ConfigError(
      where,
      c10::str(
          "the ",
          stage,
          " ",
          in_quotes(kind),
          " is not supported; known: ",
          known));
}

/// `json[key]`, or `fallback` where it is absent or null.
template <class T>
T value_or(const Json& json, const char* key, T fallback) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? fallback : found->get<T>();
}

std::string kind_of(const Json& json) {
  return json.at("type").get<std::string>();
}

/// Collects the stages of a pre-tokenizer. What comes after ByteLevel sees byte
/// letters.
class StageList {
 public:
  explicit StageList(std::string_view where) : where_(where) {}

  void add(const Json& json) {
    const std::string kind = kind_of(json);
    if (kind == "Sequence") {
      for (const Json& stage : json.at("pretokenizers")) {
        add(stage);
      }
    } else if (kind == "ByteLevel") {
      add_byte_level(json);
    } else if (kind == "Split") {
      add_stage(make_split(
          pattern(json.at("pattern")),
          behavior(json),
          value_or(json, "invert", false)));
    } else if (kind == "Digits") {
      const bool individual = value_or(json, "individual_digits", false);
      const SplitBehavior behavior =
          individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
      add_stage(make_split(make_class_matcher(kNumeric), behavior));
    } else if (kind == "Punctuation") {
      add_stage(make_split(make_class_matcher(kPunctuation), behavior(json)));
    } else {
      refuse(
          where_,
          "pre-tokenizer",
          kind,
          "ByteLevel, Split, Digits, Punctuation, Sequence");
    }
  }

  PreTokenizerPtr finish() {
    if (!byte_level_) {
      throw ConfigError(
          where_,
          "the pre-tokenizer has no ByteLevel; only byte-level BPE is "
          "supported");
    }
    return make_sequence(std::move(stages_));
  }

 private:
  void add_byte_level(const Json& json) {
    if (byte_level_) {
      throw ConfigError(
          where_, "the pre-tokenizer has ByteLevel twice; keep one");
    }
    if (value_or(json, "add_prefix_space", true)) {
      stages_.push_back(make_prefix_space());
    }
    if (value_or(json, "use_regex", true)) {
      stages_.push_back(
          make_split(make_word_matcher({}), SplitBehavior::kIsolated));
    }
    byte_level_ = true;
  }

  void add_stage(PreTokenizerPtr stage) {
    stages_.push_back(
        byte_level_ ? make_on_byte_letters(std::move(stage))
                    : std::move(stage));
  }

  SplitBehavior behavior(const Json& json) const {
    return parse_split_behavior(
        value_or<std::string>(json, "behavior", "Isolated"), where_);
  }

  std::unique_ptr<Matcher> pattern(const Json& json) const {
    if (json.contains("String")) {
      return make_literal_matcher(json.at("String").get<std::string>());
    }
    return make_regex_matcher(json.at("Regex").get<std::string>(), where_);
  }

  std::string_view where_;
  std::vector<PreTokenizerPtr> stages_;
  bool byte_level_ = false;
};

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
std::pair<std::string, std::string> merge_of(
    const Json& json, std::string_view where) {
  if (json.is_array()) {
    return {json.at(0).get<std::string>(), json.at(1).get<std::string>()};
  }
  const std::string& text = json.get_ref<const std::string&>();
  const std::size_t space = text.find(' ');
  if (space == std::string::npos ||
      text.find(' ', space + 1) != std::string::npos) {
    throw FileError(
        where,
        c10::str(
            "the merge ",
            in_quotes(text),
            " is not two tokens with a space between; the file is damaged"));
  }
  return {text.substr(0, space), text.substr(space + 1)};
}

} // namespace

std::unique_ptr<Normalizer> read_normalizer(
    const Json& json, std::string_view where) {
  if (json.is_null()) {
    return nullptr;
  }
  const std::string kind = kind_of(json);
  if (kind == "NFC") {
    return make_nfc();
  }
  const bool sequence =
      kind == "Sequence" && json.at("normalizers").size() <= 1;
  if (!sequence) {
    refuse(where, "normalizer", kind, "NFC, Sequence of one");
  }
  return json.at("normalizers").empty()
             ? nullptr
             : read_normalizer(json.at("normalizers")[0], where);
}

PreTokenizerPtr read_pre_tokenizer(const Json& json, std::string_view where) {
  StageList stages(where);
  if (!json.is_null()) {
    stages.add(json);
  }
  return stages.finish();
}

std::unique_ptr<Decoder> read_decoder(
    const Json& json, std::string_view where) {
  const std::string kind = json.is_null() ? "null" : kind_of(json);
  if (kind == "Sequence" && json.at("decoders").size() == 1) {
    return read_decoder(json.at("decoders")[0], where);
  }
  if (kind != "ByteLevel") {
    refuse(where, "decoder", kind, "ByteLevel");
  }
  return make_byte_level_decoder();
}

BpeData read_model(const Json& json, std::string_view where) {
  const std::string kind = value_or<std::string>(
      json, "type", json.contains("merges") ? "BPE" : "without a type");
  if (kind != "BPE") {
    refuse(where, "model", kind, "BPE");
  }
  if (value_or(json, "dropout", 0.0) != 0.0 ||
      value_or(json, "byte_fallback", false) ||
      !value_or<std::string>(json, "continuing_subword_prefix", "").empty() ||
      !value_or<std::string>(json, "end_of_word_suffix", "").empty()) {
    throw ConfigError(
        where,
        "the model uses dropout, byte_fallback, continuing_subword_prefix or "
        "end_of_word_suffix, which is not supported;"
        " only byte-level BPE without them is");
  }
  BpeData data;
  data.ignore_merges = value_or(json, "ignore_merges", false);
  data.fuse_unknown = value_or(json, "fuse_unk", false);
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
  return data;
}

std::vector<std::pair<std::string, std::string>> read_merges(
    const Json& json, std::string_view where) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (const Json& merge : json) {
    const bool header =
        merge.is_string() &&
        merge.get_ref<const std::string&>().starts_with("#version");
    if (!header) {
      merges.push_back(merge_of(merge, where));
    }
  }
  return merges;
}

PostProcessor read_post_processor(const Json& json, std::string_view where) {
  PostProcessor processor;
  if (json.is_null()) {
    return processor;
  }
  const std::string kind = kind_of(json);
  if (kind == "Sequence") {
    for (const Json& part : json.at("processors")) {
      const PostProcessor next = read_post_processor(part, where);
      processor.trimming =
          next.trimming.enabled ? next.trimming : processor.trimming;
      processor.first_token =
          next.first_token ? next.first_token : processor.first_token;
    }
  } else if (kind == "ByteLevel") {
    processor.trimming = {
        value_or(json, "trim_offsets", true),
        value_or(json, "add_prefix_space", true)};
  } else if (kind == "TemplateProcessing") {
    const Json& single = json.at("single");
    if (!single.empty() && single[0].contains("SpecialToken")) {
      processor.first_token =
          single[0].at("SpecialToken").at("id").get<std::string>();
    }
  } else {
    refuse(
        where,
        "post-processor",
        kind,
        "ByteLevel, TemplateProcessing, Sequence");
  }
  return processor;
}

} // namespace ma::tok
