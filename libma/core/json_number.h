// Numbers in JSON that JSON has no words for: infinity and "not a number" are
// written as text, never lost as null.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace ma {

/// `value` as a JSON number; "inf", "-inf" or "nan" as text.
nlohmann::json json_number(double value);

/// The inverse of `json_number`. Throws ConfigError for anything else.
double number_from_json(const nlohmann::json& json);

} // namespace ma
