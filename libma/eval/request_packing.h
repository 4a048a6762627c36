// From requests to the rows of batches.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/eval/request_scores.h"

namespace ma {

struct PackingOptions {
  std::int64_t tokens_per_pass = 0; ///< padding counted; a longer row has a
                                    ///< pass of its own
  bool merge = true;                ///< requests of a group into token trees
  /// Sequences are merged when at least so many tokens are common to all.
  std::int64_t n_shared_at_least = 0;
  /// Whether the requests, each in a row of its own, must fit a pass too.
  bool counts_separate_rows = false;
  /// Whether sequences of these lengths may stand in one row; empty: always.
  std::function<bool(std::int64_t shortest, std::int64_t longest)>
      may_share_a_row = {};
};

/// Groups that run as one batch, and the sequences of each of its rows.
struct RequestPass {
  std::vector<std::int64_t> groups; ///< in the order of their results
  /// The requests of a row: (group, request).
  using Row = std::vector<std::pair<std::int64_t, std::int64_t>>;
  std::vector<Row> rows;
};

/// All groups in passes, longest first. Depends on the requests and options
/// alone: the batch decides the last bits of its results.
std::vector<RequestPass> pack_requests(
    const std::vector<RequestGroup>& groups, const PackingOptions& options);

/// A batch and what is scored in it.
struct RowLayout {
  TokenBatch batch;
  torch::Tensor positions = {}; ///< int64 [n], flat, group after group,
                                ///< request after request
  torch::Tensor targets = {};   ///< int64 [n]
  torch::Tensor columns = {};   ///< as in SeparateRows; undefined for trees
};

/// The pass as token trees.
RowLayout layout_trees(
    const RequestPass& pass, const std::vector<RequestGroup>& groups);

/// The pass with each sequence in a row of its own.
RowLayout layout_separate_rows(
    const RequestPass& pass, const std::vector<RequestGroup>& groups);

} // namespace ma
