// The implicit bias of a model's attention: what attention takes from massive
// tokens, and the model with that replaced by a constant (Sun et al. 2024,
// section 4.2).
#pragma once

#include <cstdint>
#include <vector>

#include "libma/analysis/implicit_bias.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/eval/conditions.h"
#include "libma/eval/massive_tokens.h"
#include "libma/models/model.h"

namespace ma {

struct ImplicitBiasPass {
  ImplicitBiasOptions bias = {};
  std::int64_t tokens_per_pass = 2048; ///< upper bound of batch * pos in one
                                       ///< pass; changes no result beyond float
                                       ///< noise
  ProgressFn progress = {};            ///< counts sequences
};

/// What attention takes from `members`, bool [n, length], in every block, over
/// `sequences`, int64 [n, length]. Attention takes the explicit path, one
/// pattern at a time. Throws as pass_sequences and ImplicitBiasAccumulator do.
ImplicitBias implicit_bias(
    const Model& model,
    const torch::Tensor& sequences,
    const torch::Tensor& members,
    const ImplicitBiasPass& options = {});

/// Splits attention in the blocks `layers` by `members`, bool [batch, pos]:
/// what it takes from them and from all other tokens, which add up to z; one
/// entry for each of `layers`, in their order. Throws ConfigError when there is
/// no such block, ShapeError when members do not fit.
std::vector<AttentionParts> decompose_attention(
    const Model& model,
    const TokenBatch& batch,
    const std::vector<std::int64_t>& layers,
    const torch::Tensor& members);

/// What vectors `z` [n, head, d_head] add to `attn_out` of block `layer`,
/// through the output projection without its bias: [n, d_model] in the model's
/// dtype. Undefined where a norm stands in between, so that parts do not add
/// up. Throws ShapeError when `z` does not fit.
torch::Tensor project_to_attn_out(
    const Model& model, std::int64_t layer, const torch::Tensor& z);

/// `constants` [layer, head, d_head] through the output projections: [layer,
/// d_model] in the model's dtype; undefined as project_to_attn_out says.
torch::Tensor project_to_attn_out(
    const Model& model, const torch::Tensor& constants);

/// The rows of the test: `original`; `constant`, what attention takes from the
/// massive tokens replaced by its mean in all `layers` (0-based blocks, behind
/// tokens.block); `removed`, replaced by nothing; `control`, the same as
/// `constant` for as many random other tokens and their mean, where `bias` has
/// random sets. Throws ConfigError as replace_part does.
std::vector<Condition> bias_conditions(
    const ImplicitBias& bias,
    const MassiveTokens& tokens,
    const std::vector<std::int64_t>& layers);

} // namespace ma
