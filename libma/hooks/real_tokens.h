// Which columns of a padded batch hold real tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libma/core/magnitudes.h"
#include "libma/hooks/hook_point.h"

namespace ma {

/// The real tokens of one row, as runs of columns; a single run but for masks
/// with holes.
struct RealTokens {
  std::vector<ElementRange> runs; ///< columns, ascending
  std::int64_t count = 0;         ///< real tokens, at least 1

  /// Column of real token number `position` in [0, count).
  std::int64_t column(std::int64_t position) const;

  /// The flat elements of row `row` of a tensor [batch, n_pos, width].
  std::vector<ElementRange> elements(
      std::int64_t row, std::int64_t n_pos, std::int64_t width) const;
};

/// The real tokens of each row of an activation [n_rows, n_pos, ...]; all of
/// them when `batch` is null or has no mask. Throws ShapeError, located at
/// `where`, when the mask is not [n_rows, n_pos] or a row has no real token.
std::vector<RealTokens> real_tokens(
    const TokenBatch* batch,
    std::int64_t n_rows,
    std::int64_t n_pos,
    std::string_view where);

} // namespace ma
