// The post-processor of a tokenizer.json.
#include "libma/io/tokenizer/hf_json.h"
#include "libma/io/tokenizer/hf_stages.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

/// The special token of a template's `part`, nothing for the text.
std::optional<std::string> special_token(const Json& part) {
  return part.contains("SpecialToken")
             ? std::optional(
                   part.at("SpecialToken").at("id").get<std::string>())
             : std::nullopt;
}

PostProcessor read_sequence(const Json& json, std::string_view where) {
  PostProcessor all;
  for (const Json& part : json.at("processors")) {
    const PostProcessor next = read_post_processor(part, where);
    all.trimming = next.trimming.enabled ? next.trimming : all.trimming;
    all.first_token = next.first_token ? next.first_token : all.first_token;
    all.last_token = next.last_token ? next.last_token : all.last_token;
  }
  return all;
}

OffsetTrimming read_trimming(const Json& json) {
  return {
      value_or(json, "trim_offsets", true),
      value_or(json, "add_prefix_space", true)};
}

} // namespace

PostProcessor read_post_processor(const Json& json, std::string_view where) {
  PostProcessor processor;
  if (json.is_null()) {
    return processor;
  }
  const std::string kind = kind_of(json);
  if (kind == "Sequence") {
    return read_sequence(json, where);
  }
  if (kind == "ByteLevel") {
    processor.trimming = read_trimming(json);
  } else if (kind == "TemplateProcessing") {
    const Json& single = json.at("single");
    if (!single.is_array()) {
      refuse_kind(where, "template", single.dump(), "a list of parts");
    }
    if (!single.empty()) {
      processor.first_token = special_token(single.front());
      processor.last_token = special_token(single.back());
    }
  } else if (kind == "RobertaProcessing" || kind == "BertProcessing") {
    processor.first_token = json.at("cls").at(0).get<std::string>();
    processor.last_token = json.at("sep").at(0).get<std::string>();
    if (kind == "RobertaProcessing") {
      processor.trimming = read_trimming(json);
    }
  } else {
    refuse_kind(
        where,
        "post-processor",
        kind,
        "ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing, "
        "Sequence");
  }
  return processor;
}

} // namespace ma::tok
