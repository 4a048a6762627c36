// add: x := x + value.
#include <cmath>

#include "libma/core/error.h"
#include "libma/interventions/intervention.h"

namespace ma {

EditFn make_add(const InterventionOptions& options) {
  allow_options(options, "add", {"value"});
  if (!options.value || !std::isfinite(*options.value)) {
    throw ConfigError(
        "add", "option 'value' is missing or infinite; give a finite number");
  }
  return [value = *options.value](
             const auto& old, const auto&, const auto&, const auto&) {
    return old + value;
  };
}

} // namespace ma
