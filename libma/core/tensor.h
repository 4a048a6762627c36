// The one place that names LibTorch's tensor headers: at::/torch:: tensors and
// factories, no autograd, no nn.
#pragma once

#include <torch/types.h>
