// Which columns of a padded batch hold real tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libma/core/magnitudes.h"
#include "libma/hooks/hook_point.h"

namespace ma {

/// Real tokens of one row, as runs of columns; a single run but for masks with
/// holes.
struct RealTokens {
  std::vector<ElementRange> runs; ///< columns, ascending
  std::int64_t count = 0;         ///< real tokens, at least 1 in a whole row
  /// Place of each column in its sequence, for token trees and cached
  /// beginnings; empty: counted from the row's first real token.
  std::vector<std::int64_t> places = {};

  /// Column of real token number `position` in [0, count).
  std::int64_t column(std::int64_t position) const;

  /// The tokens at `positions` of their sequences, -1 the row's last; those
  /// before the row's first token, which are cached, are left out. Throws
  /// ShapeError, located at `where`, when there is no such position.
  RealTokens only(
      const std::vector<std::int64_t>& positions, std::string_view where) const;

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
