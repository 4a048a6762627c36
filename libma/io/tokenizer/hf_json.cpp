// Reading the stages of a tokenizer.json: what their readers share.
#include "libma/io/tokenizer/hf_json.h"

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/utf8.h"

namespace ma::tok {

using Json = nlohmann::json;

void refuse_kind(
    std::string_view where,
    std::string_view stage,
    std::string_view kind,
    std::string_view known) {
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

std::string kind_of(const Json& json) {
  return json.at("type").get<std::string>();
}

std::unique_ptr<Matcher> read_pattern(
    const Json& json, std::string_view where) {
  if (json.contains("String")) {
    return make_literal_matcher(json.at("String").get<std::string>());
  }
  return make_regex_matcher(json.at("Regex").get<std::string>(), where);
}

Metaspace read_metaspace(const Json& json, std::string_view where) {
  Metaspace options;
  options.replacement = json.at("replacement").get<std::string>();
  if (options.replacement.empty() ||
      utf8_length(options.replacement[0]) != options.replacement.size()) {
    throw ConfigError(
        where,
        c10::str(
            "Metaspace's replacement is ",
            in_quotes(options.replacement),
            ", not one character; correct the file"));
  }
  options.split = value_or(json, "split", true);
  const bool prepends = value_or(json, "add_prefix_space", true);
  const std::string scheme = value_or<std::string>(
      json, "prepend_scheme", prepends ? "always" : "never");
  if (scheme == "always") {
    options.scheme = PrependScheme::kAlways;
  } else if (scheme == "first") {
    options.scheme = PrependScheme::kFirst;
  } else if (scheme == "never") {
    options.scheme = PrependScheme::kNever;
  } else {
    refuse_kind(where, "prepend_scheme", scheme, "always, first, never");
  }
  if (!prepends && options.scheme != PrependScheme::kNever) {
    throw ConfigError(
        where,
        c10::str(
            "Metaspace has add_prefix_space false and prepend_scheme ",
            in_quotes(scheme),
            "; keep one of the two"));
  }
  return options;
}

} // namespace ma::tok
