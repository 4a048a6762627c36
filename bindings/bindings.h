// What every file of bindings includes: pybind11, tensors, models.
#pragma once

#include "bindings/bound_model.h"
#include <torch/csrc/utils/pybind.h>
