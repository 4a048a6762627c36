// scale: x := factor * x.
#include <cmath>

#include "libma/core/error.h"
#include "libma/interventions/intervention.h"

namespace ma {

EditFn make_scale(const InterventionOptions& options) {
  allow_options(options, "scale", {"factor"});
  if (!options.factor || !std::isfinite(*options.factor)) {
    throw ConfigError(
        "scale",
        "option 'factor' is missing or infinite; give a finite number");
  }
  return [factor = *options.factor](
             const auto& old, const auto&, const auto&, const auto&) {
    return old * factor;
  };
}

} // namespace ma
