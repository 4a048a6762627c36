// Token trees: several sequences in one row of a batch, their common beginnings
// held and computed once.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma {

using TokenIds = std::vector<std::int64_t>;

/// Sequences merged by their common beginnings. A single sequence is a chain.
struct TokenTree {
  TokenIds ids;                      ///< [n], parents before their children
  std::vector<std::int64_t> parents; ///< [n]; -1 at the start of a sequence
  std::vector<std::int64_t> depths;  ///< [n]; the token's place in its sequence
  /// For each sequence, the column of each of its tokens.
  std::vector<std::vector<std::int64_t>> paths;

  std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }
};

/// The tree of `sequences`, none of them empty.
TokenTree make_tree(const std::vector<TokenIds>& sequences);

/// Trees as the rows of a batch, padded on the right. Each token attends to its
/// own sequence alone, at the positions that it has there, so that a model
/// computes for each sequence what it would for that sequence by itself.
TokenBatch make_batch(const std::vector<TokenTree>& trees);

/// The number of tokens that all of `sequences` begin with.
std::int64_t common_prefix(const std::vector<TokenIds>& sequences);

} // namespace ma
