// The normalizer of a tokenizer.json.
#include <array>
#include <utility>

#include "libma/io/base64.h"
#include "libma/io/tokenizer/hf_json.h"
#include "libma/io/tokenizer/hf_stages.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<const char*, UnicodeForm>, 4> kForms = {
    {{"NFC", UnicodeForm::kNfc},
     {"NFD", UnicodeForm::kNfd},
     {"NFKC", UnicodeForm::kNfkc},
     {"NFKD", UnicodeForm::kNfkd}}};

NormalizerPtr read_sequence(const Json& json, std::string_view where) {
  std::vector<NormalizerPtr> stages;
  for (const Json& stage : json.at("normalizers")) {
    if (NormalizerPtr read = read_normalizer(stage, where)) {
      stages.push_back(std::move(read));
    }
  }
  return stages.empty() ? nullptr : make_normalizer_sequence(std::move(stages));
}

NormalizerPtr read_precompiled(const Json& json, std::string_view where) {
  const auto charsmap = value_or<std::string>(json, "precompiled_charsmap", "");
  return charsmap.empty()
             ? nullptr
             : make_charsmap(decode_base64(charsmap, where), where);
}

} // namespace

NormalizerPtr read_normalizer(const Json& json, std::string_view where) {
  if (json.is_null()) {
    return nullptr;
  }
  const std::string kind = kind_of(json);
  for (const auto& [name, form] : kForms) {
    if (kind == name) {
      return make_unicode_form(form);
    }
  }
  if (kind == "Sequence") {
    return read_sequence(json, where);
  }
  if (kind == "Prepend") {
    return make_prepend(json.at("prepend").get<std::string>());
  }
  if (kind == "Replace") {
    return make_replace(
        read_pattern(json.at("pattern"), where),
        json.at("content").get<std::string>());
  }
  if (kind == "Strip") {
    return make_strip(
        json.at("strip_left").get<bool>(), json.at("strip_right").get<bool>());
  }
  if (kind == "StripAccents") {
    return make_strip_accents();
  }
  if (kind == "Lowercase") {
    return make_lowercase();
  }
  if (kind == "Nmt") {
    return make_nmt();
  }
  if (kind == "Precompiled") {
    return read_precompiled(json, where);
  }
  refuse_kind(
      where,
      "normalizer",
      kind,
      "NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip, StripAccents, Lowercase, "
      "Nmt, Precompiled, Sequence");
}

} // namespace ma::tok
