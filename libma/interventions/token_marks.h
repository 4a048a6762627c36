// Whole tokens, as masks: those that a selection touches, the queries that see
// them, and random others.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"
#include "libma/interventions/selection.h"

namespace ma {

/// The tokens with at least one entry that `selection` selects in `x` [batch,
/// pos, d_model]: bool [batch, pos] on x's device. Throws ShapeError as
/// select_entries does.
torch::Tensor selected_tokens(
    const Selection& selection, const torch::Tensor& x, const HookSite& at);

/// The tokens at `positions` of each row, -1 the last one: bool [batch, pos] on
/// the CPU. Throws ShapeError, located at `where`, when a row has no such
/// position.
torch::Tensor tokens_at(
    const std::vector<std::int64_t>& positions,
    const TokenBatch& batch,
    std::string_view where);

/// The queries that see at least one of `members`, bool [batch, pos], and are
/// none of them: bool [batch, pos] on members' device. In a plain causal row
/// these are the real tokens after the first member but the members; with
/// `window`, those among whose last `window` tokens, themselves included, a
/// member is (0: all). Throws ShapeError on tokens that follow cached ones.
torch::Tensor queries_after(
    const torch::Tensor& members,
    const TokenBatch* batch = nullptr,
    std::int64_t window = 0);

/// In each row as many other tokens as it has `members`, bool [batch, pos],
/// each set equally likely: bool [batch, pos] on members' device. Never the
/// row's last real token, which no query comes after. A function of the row's
/// ids, its members and `seed`, whatever batch or padding it stands in. Throws
/// ShapeError when a row has too few tokens.
torch::Tensor random_other_tokens(
    const torch::Tensor& members,
    const TokenBatch* batch,
    std::uint64_t seed,
    std::string_view where);

} // namespace ma
