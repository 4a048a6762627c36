// An ImplicitBias as tables.
#pragma once

#include "libma/analysis/implicit_bias.h"
#include "libma/core/table.h"

namespace ma {

/// One row per block and head: how constant the massive part is, and random
/// sets' dispersion and cosine.
Table bias_constancy_table(const ImplicitBias& bias);

/// One row per block: means over heads, all heads together, and how many heads
/// are more constant than all random sets but 5 %.
Table bias_layers_table(const ImplicitBias& bias);

} // namespace ma
