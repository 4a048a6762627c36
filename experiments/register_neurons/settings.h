// Which neurons are looked for and where their activations go: the YAML file as
// plain structs.
#pragma once

#include <cstdint>

#include "experiments/common/find.h"
#include "experiments/common/images.h"

#include "libma/core/yaml.h"
#include "libma/eval/find_register_neurons.h"

namespace ma::experiments {

struct RegisterNeuronsSettings {
  ModelSettings model;
  ImagesSettings images;
  RegisterNeuronOptions find;
  std::int64_t n_test_registers = 1;
  TestTimeRegisterOptions shift;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
RegisterNeuronsSettings read_register_neurons_settings(const Yaml& config);

} // namespace ma::experiments
