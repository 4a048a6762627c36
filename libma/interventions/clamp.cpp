// clamp: x := min(max(x, low), high).
#include <limits>

#include "libma/core/error.h"
#include "libma/interventions/intervention.h"

namespace ma {

EditFn make_clamp(const InterventionOptions& options) {
  allow_options(options, "clamp", {"low", "high"});
  if (!options.low && !options.high) {
    throw ConfigError(
        "clamp", "options 'low' and 'high' are missing; give at least one");
  }
  const double low =
      options.low.value_or(-std::numeric_limits<double>::infinity());
  const double high =
      options.high.value_or(std::numeric_limits<double>::infinity());
  if (low > high) {
    throw ConfigError(
        "clamp",
        c10::str(
            "option 'low' (", low, ") is above option 'high' (", high, ")"));
  }
  return [low, high](const auto& old, const auto&, const auto&, const auto&) {
    return old.to(torch::kFloat64)
        .clamp(low, high); // bounds may exceed a half-precision range
  };
}

} // namespace ma
