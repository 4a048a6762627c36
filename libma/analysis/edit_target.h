// Which entries to edit, and after which block, given what was found.
#pragma once

#include <cstdint>

#include "libma/analysis/massive.h"
#include "libma/interventions/selection.h"

namespace ma {

/// What was found, as something to edit.
struct EditTarget {
  Selection selection;
  std::int64_t block = 0;      ///< 0-based, the first after which it is massive
  std::int64_t last_block = 0; ///< 0-based, the last one
  std::int64_t count = 1;      ///< entries of a sequence, for controls to match

  /// Whether the entries are told by their positions, so that they can be
  /// edited after any block.
  bool has_positions() const { return !selection.positions.empty(); }
};

/// The `n_sites` strongest sites at the start, or another token with a position
/// of its own (0: all), or, when all are asked for and some stand elsewhere,
/// whatever is massive in each sequence. Throws ConfigError when sites are
/// asked for and none is at such a token.
EditTarget edit_target(const MassiveProfile& profile, std::int64_t n_sites);

} // namespace ma
