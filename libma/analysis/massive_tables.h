// A MassiveProfile as tables: its sites, and its blocks.
#pragma once

#include <string>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/core/table.h"

namespace ma {

/// Texts of tokens on one line: "the" "\n".
std::string quote_texts(const std::vector<std::string>& texts);

/// The sites that were found: one row each, strongest first, blocks in both
/// bases.
Table sites_table(const MassiveProfile& profile);

/// One row per block: the three largest magnitudes, median, ratio, share of
/// sequences that meet the criterion.
Table layers_table(const MassiveProfile& profile);

} // namespace ma
