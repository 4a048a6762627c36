// Attention of one sequence as heat maps are drawn of, and by key (Sun et al.
// 2024, figures 5 and 6).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

/// Attention of one sequence in one block, as hooks see it.
struct BlockAttention {
  std::int64_t layer = 0; ///< 0-based
  torch::Tensor scores;   ///< [1, head, query_pos, key_pos], scaled and masked
  torch::Tensor pattern;  ///< [1, head, query_pos, key_pos]
};

/// Tensors are on the CPU. Means over queries are over those that see the key:
/// where its score is not -inf.
struct AttentionMaps {
  std::vector<std::int64_t> layers = {}; ///< 0-based blocks, as they were given
  torch::Tensor scores = {}; ///< float32 [layer, query_pos, key_pos]: mean over
                             ///< heads, -inf where a query does not see the key
  torch::Tensor pattern = {};     ///< float32 [layer, query_pos, key_pos]: mean
                                  ///< over heads
  torch::Tensor key_scores = {};  ///< float64 [layer, head, key_pos]: mean over
                                  ///< queries
  torch::Tensor key_pattern = {}; ///< float64 [layer, head, key_pos]: mean over
                                  ///< queries
  torch::Tensor massive_share =
      {};                ///< float64 [layer, head]: mean over all queries
                         ///< of the attention on massive keys together
  torch::Tensor massive; ///< bool [key_pos]: has massive activations
  torch::Tensor ids;     ///< int64 [key_pos]
  std::vector<std::string> tokens = {}; ///< texts; empty without a tokenizer
};

/// Takes the means. `massive` is bool [key_pos], `ids` int64 [key_pos]. Throws
/// ShapeError when blocks are none or do not fit.
AttentionMaps make_attention_maps(
    const std::vector<BlockAttention>& blocks,
    const torch::Tensor& massive,
    const torch::Tensor& ids);

/// One row a block, head and key.
Table attention_maps_table(const AttentionMaps& maps);

} // namespace ma
