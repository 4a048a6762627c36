// Means over heads and over queries.
#include "libma/analysis/attention_maps.h"

#include <utility>

#include "libma/analysis/pattern_sums.h"
#include "libma/analysis/token_quotes.h"
#include "libma/core/error.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;

void check(const BlockAttention& block, std::int64_t n_keys) {
  const auto& scores = block.scores;
  if (!scores.defined() || !block.pattern.defined() || scores.dim() != 4 ||
      scores.sizes() != block.pattern.sizes() || scores.size(0) != 1 ||
      scores.size(2) != n_keys || scores.size(3) != n_keys) {
    throw ShapeError(
        "attention maps",
        c10::str(
            "scores and pattern of block ",
            block.layer,
            " do not fit; expected [1, head, ",
            n_keys,
            ", ",
            n_keys,
            "] both"));
  }
}

} // namespace

AttentionMaps make_attention_maps(
    const std::vector<BlockAttention>& blocks,
    const torch::Tensor& massive,
    const torch::Tensor& ids) {
  if (blocks.empty()) {
    throw ShapeError(
        "attention maps", "there are no blocks; give at least one");
  }
  AttentionMaps maps{.massive = massive, .ids = ids};
  std::vector<torch::Tensor> scores, pattern, key_scores, key_pattern, shares;
  for (const BlockAttention& block : blocks) {
    check(block, massive.numel());
    maps.layers.push_back(block.layer);
    const auto mean_over_heads = [](const torch::Tensor& x) {
      return x[0].mean(/*dim=*/0, false, torch::kFloat32).to(torch::kCPU);
    };
    scores.push_back(mean_over_heads(block.scores));
    pattern.push_back(mean_over_heads(block.pattern));
    const auto [sum, queries] = sum_scores(block.scores, /*is_causal=*/false);
    const auto received =
        sum_pattern(block.pattern, /*is_causal=*/false).received;
    key_scores.push_back((sum / queries)[0]);       // [head, key_pos]
    key_pattern.push_back((received / queries)[0]); // [head, key_pos]
    const auto on_massive = received[0] * massive.to(torch::kFloat64);
    shares.push_back(on_massive.sum(/*dim=*/1) / massive.numel()); // [head]
  }
  maps.scores = at::stack(scores);           // [layer, query_pos, key_pos]
  maps.pattern = at::stack(pattern);         // [layer, query_pos, key_pos]
  maps.key_scores = at::stack(key_scores);   // [layer, head, key_pos]
  maps.key_pattern = at::stack(key_pattern); // [layer, head, key_pos]
  maps.massive_share = at::stack(shares);    // [layer, head]
  return maps;
}

Table attention_maps_table(const AttentionMaps& maps) {
  Table table(
      {block_column(),
       layer_column(),
       index_column("head"),
       index_column("key"),
       {.name = "token"},
       {.name = "massive"},
       {.name = "mean logit"},
       {.name = "mean probability", .unit = "%"},
       {.name = "head's share on massive tokens", .unit = "%"}});
  const auto scores = maps.key_scores.accessor<double, 3>();
  const auto pattern = maps.key_pattern.accessor<double, 3>();
  const auto shares = maps.massive_share.accessor<double, 2>();
  const auto massive = maps.massive.accessor<bool, 1>();
  for (std::int64_t layer = 0; layer < scores.size(0); ++layer) {
    const auto block = maps.layers[static_cast<std::size_t>(layer)];
    for (std::int64_t head = 0; head < scores.size(1); ++head) {
      for (std::int64_t key = 0; key < scores.size(2); ++key) {
        table.add_row(
            {block,
             block + 1,
             head,
             key,
             quoted_token(maps.tokens, key),
             std::string(massive[key] ? "yes" : "no"),
             scores[layer][head][key],
             kPercent * pattern[layer][head][key],
             kPercent * shares[layer][head]});
      }
    }
  }
  return table;
}

} // namespace ma
