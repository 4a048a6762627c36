// Reading the stages of a tokenizer.json: what their readers share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libma/io/tokenizer/matcher.h"
#include "libma/io/tokenizer/pre_tokenizer.h"

namespace ma::tok {

/// Throws ConfigError: `stage` ("decoder") is of a `kind` that is not
/// supported.
[[noreturn]] void refuse_kind(
    std::string_view where,
    std::string_view stage,
    std::string_view kind,
    std::string_view known);

/// `json["type"]`.
std::string kind_of(const nlohmann::json& json);

/// `json[key]`, or `fallback` where it is absent or null.
template <class T>
T value_or(const nlohmann::json& json, const char* key, const T& fallback) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? fallback : found->get<T>();
}

/// `{"String": ...}` or `{"Regex": ...}`.
std::unique_ptr<Matcher> read_pattern(
    const nlohmann::json& json, std::string_view where);

/// The options of a Metaspace pre-tokenizer or decoder, in the current and the
/// older spelling.
Metaspace read_metaspace(const nlohmann::json& json, std::string_view where);

} // namespace ma::tok
