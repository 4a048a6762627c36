// Registers every architecture of builtin.def.
#include "libma/models/registry.h"

namespace ma {

#define LIBMA_BUILTIN(name) void register_##name(ModelRegistry& registry);
#include "libma/models/builtin.def"
#undef LIBMA_BUILTIN

const ModelRegistry& model_registry() {
  static const ModelRegistry registry = [] {
    ModelRegistry models("architecture");
#define LIBMA_BUILTIN(name) register_##name(models);
#include "libma/models/builtin.def"
#undef LIBMA_BUILTIN
    return models;
  }();
  return registry;
}

} // namespace ma
