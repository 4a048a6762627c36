// The pre-tokenizer of a tokenizer.json.
#include <utility>

#include "libma/core/error.h"
#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/hf_json.h"
#include "libma/io/tokenizer/hf_stages.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

PreTokenizerPtr split_at(
    std::uint8_t classes, SplitBehavior behavior, bool inverted = false) {
  return make_split(make_class_matcher(classes), behavior, inverted);
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
    } else if (kind == "Metaspace") {
      add_metaspace(json);
    } else {
      add_split(kind, json);
    }
  }

  PreTokenizerStages finish() {
    return {make_sequence(std::move(stages_)), byte_level_};
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

  void add_metaspace(const Json& json) {
    if (byte_level_) {
      throw ConfigError(
          where_,
          "the pre-tokenizer has Metaspace behind ByteLevel, which leaves no "
          "space to replace; keep one of the two");
    }
    stages_.push_back(make_metaspace(read_metaspace(json, where_)));
  }

  /// The stages that only cut.
  void add_split(const std::string& kind, const Json& json) {
    if (kind == "Split") {
      add_stage(make_split(
          read_pattern(json.at("pattern"), where_),
          behavior(json),
          value_or(json, "invert", false)));
    } else if (kind == "Digits") {
      const bool individual = value_or(json, "individual_digits", false);
      add_stage(split_at(
          kNumeric,
          individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous));
    } else if (kind == "Punctuation") {
      add_stage(split_at(kPunctuation, behavior(json)));
    } else if (kind == "WhitespaceSplit") {
      add_stage(split_at(kSpace, SplitBehavior::kRemoved));
    } else if (kind == "Whitespace") { // `\w+|[^\w\s]+`
      add_stage(split_at(kSpace, SplitBehavior::kRemoved));
      add_stage(split_at(kWord, SplitBehavior::kContiguous));
    } else if (kind == "BertPreTokenizer") {
      add_stage(split_at(kSpace, SplitBehavior::kRemoved));
      add_stage(split_at(kPunctuation, SplitBehavior::kIsolated));
    } else {
      refuse_kind(
          where_,
          "pre-tokenizer",
          kind,
          "ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, "
          "WhitespaceSplit, BertPreTokenizer, Sequence");
    }
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

  std::string_view where_;
  std::vector<PreTokenizerPtr> stages_;
  bool byte_level_ = false;
};

} // namespace

PreTokenizerStages read_pre_tokenizer(
    const Json& json, std::string_view where) {
  StageList stages(where);
  if (!json.is_null()) {
    stages.add(json);
  }
  return stages.finish();
}

} // namespace ma::tok
