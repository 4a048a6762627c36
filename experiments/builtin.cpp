// Registers every experiment of builtin.def.
#include "experiments/builtin.h"

namespace ma::experiments {

#define LIBMA_BUILTIN(name) \
  int run_##name(const std::vector<std::string>& args);
#include "experiments/builtin.def"
#undef LIBMA_BUILTIN

const Registry<ExperimentMain>& builtin() {
  static const Registry<ExperimentMain> registry = [] {
    Registry<ExperimentMain> experiments("experiment");
#define LIBMA_BUILTIN(name) experiments.add(#name, run_##name);
#include "experiments/builtin.def"
#undef LIBMA_BUILTIN
    return experiments;
  }();
  return registry;
}

} // namespace ma::experiments
