// inf and nan <-> text.
#include "libma/core/json_number.h"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {

nlohmann::json json_number(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value > 0 ? "inf" : "-inf";
  }
  return value;
}

double number_from_json(const nlohmann::json& json) {
  if (json.is_number()) {
    return json.get<double>();
  }
  if (json == "nan") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (json == "inf" || json == "-inf") {
    return json == "inf" ? HUGE_VAL : -HUGE_VAL;
  }
  throw ConfigError(
      "number_from_json", "expected a number, got " + json.dump());
}

} // namespace ma
