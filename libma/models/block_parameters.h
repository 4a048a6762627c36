// The parameters of one block, by name and shape.
#pragma once

#include <cstdint>
#include <string>

#include "libma/models/transformer_config.h"
#include "libma/models/weights.h"
#include "libma/nn/block.h"

namespace ma {

/// What block `layer` does.
nn::BlockOptions block_options(
    const TransformerConfig& config, std::int64_t layer);

/// The parameters of block `layer`.
nn::BlockWeights take_block(
    const TransformerConfig& config, std::int64_t layer, WeightLoader& weights);

/// The parameters `<name>.weight` and `<name>.bias` [d_model] of a norm, as far
/// as the configuration has them.
nn::NormWeights take_norm(
    const TransformerConfig& config,
    const std::string& name,
    WeightLoader& weights,
    std::int64_t layer = -1);

} // namespace ma
