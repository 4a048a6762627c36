// Registers every kind of builtin.def.
#include "libma/interventions/intervention.h"

namespace ma {

#define LIBMA_BUILTIN(name) \
  EditFn make_##name(const InterventionOptions& options);
#include "libma/interventions/builtin.def"
#undef LIBMA_BUILTIN

const InterventionRegistry& intervention_registry() {
  static const InterventionRegistry registry = [] {
    InterventionRegistry kinds("intervention");
#define LIBMA_BUILTIN(name) kinds.add(#name, make_##name);
#include "libma/interventions/builtin.def"
#undef LIBMA_BUILTIN
    return kinds;
  }();
  return registry;
}

} // namespace ma
