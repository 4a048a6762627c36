// Which tokens of a language model's sequences are massive.
#pragma once

#include <cstdint>

#include "libma/analysis/massive.h"
#include "libma/core/tensor.h"
#include "libma/eval/sequence_pass.h"
#include "libma/interventions/selection.h"
#include "libma/models/model.h"

namespace ma {

/// Which tokens are massive: those with an entry that `select` selects in the
/// stream after `block`.
struct MassiveTokens {
  Selection select = {};
  std::int64_t block = 0; ///< 0-based
};

/// The tokens with entries that meet the criterion at the dims of all sites,
/// after the block to edit at; where nothing meets it, the token of the largest
/// entry.
MassiveTokens massive_tokens(const MassiveProfile& profile);

/// Which tokens of `sequences`, int64 [n, length], are massive: bool [n,
/// length] on the CPU. Runs the blocks up to `tokens.block` alone; the stage is
/// named here. Throws ShapeError as pass_sequences does, ConfigError when there
/// is no such block.
torch::Tensor find_massive_tokens(
    const Model& model,
    const torch::Tensor& sequences,
    const MassiveTokens& tokens,
    SequencePassOptions options = {});

} // namespace ma
