// Applying byte-pair merges: the pair of lowest rank first, the leftmost of
// equals.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/io/tokenizer/pair_table.h"
#include "libma/io/tokenizer/token_model.h"

namespace ma::tok {

/// What a pair of tokens becomes.
struct Merge {
  std::uint32_t rank;
  std::uint32_t id;
};

/// What pairs of tokens become, by their ids.
using MergeTable = PairTable<Merge>;

/// Merges `tokens` from index `first` on until no pair is left. n log n in
/// their number.
void merge_symbols(
    const MergeTable& merges,
    std::vector<PieceToken>& tokens,
    std::size_t first);

} // namespace ma::tok
