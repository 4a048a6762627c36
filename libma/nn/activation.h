// Elementwise nonlinearities by the names that checkpoints use.
#pragma once

#include <string>

#include "libma/core/tensor.h"

namespace ma::nn {

using Activation = torch::Tensor (*)(const torch::Tensor& x);

/// The nonlinearity called `name` ("silu", "gelu", "gelu_new", ...). Throws
/// UnknownNameError, located at `where`.
Activation find_activation(const std::string& name, const std::string& where);

/// Turns `x` into cap * tanh(x / cap), in place; a `cap` of 0 leaves it
/// (Gemma 2).
void soft_cap(torch::Tensor& x, double cap);

} // namespace ma::nn
