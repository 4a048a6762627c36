// Merging sequences, and the attention mask of a merged row.
#include "libma/eval/token_tree.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ma {
namespace {

/// Whether no tree branches, which needs no mask of its own.
bool are_chains(const std::vector<TokenTree>& trees) {
  return std::all_of(trees.begin(), trees.end(), [](const TokenTree& tree) {
    for (std::int64_t column = 0; column < tree.size(); ++column) {
      if (tree.parents[static_cast<std::size_t>(column)] != column - 1) {
        return false;
      }
    }
    return true;
  });
}

/// Marks, in `visible` [pos, pos], what each token of `tree` sees: its parent's
/// keys and itself; padding sees itself.
void mark_visible(const TokenTree& tree, bool* visible, std::int64_t pos) {
  for (std::int64_t column = 0; column < pos; ++column) {
    bool* row = visible + column * pos;
    if (column < tree.size()) {
      const auto parent = tree.parents[static_cast<std::size_t>(column)];
      if (parent >= 0) {
        std::copy_n(visible + parent * pos, parent + 1, row);
      }
    }
    row[column] = true;
  }
}

} // namespace

TokenTree make_tree(const std::vector<TokenIds>& sequences) {
  TokenTree tree;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> children;
  for (const TokenIds& sequence : sequences) {
    auto& path = tree.paths.emplace_back();
    std::int64_t parent = -1;
    for (const std::int64_t id : sequence) {
      const auto [child, is_new] =
          children.try_emplace({parent, id}, tree.size());
      if (is_new) {
        tree.ids.push_back(id);
        tree.parents.push_back(parent);
        tree.depths.push_back(static_cast<std::int64_t>(path.size()));
      }
      parent = child->second;
      path.push_back(parent);
    }
  }
  return tree;
}

TokenBatch make_batch(const std::vector<TokenTree>& trees) {
  std::int64_t pos = 0;
  for (const TokenTree& tree : trees) {
    pos = std::max(pos, tree.size());
  }
  const auto rows = static_cast<std::int64_t>(trees.size());
  auto ids = at::zeros({rows, pos}, torch::kInt64);
  auto mask = at::zeros({rows, pos}, torch::kBool);
  auto positions = at::zeros({rows, pos}, torch::kInt64);
  for (std::int64_t row = 0; row < rows; ++row) {
    const TokenTree& tree = trees[static_cast<std::size_t>(row)];
    const auto n = tree.size();
    std::copy_n(tree.ids.begin(), n, ids.data_ptr<std::int64_t>() + row * pos);
    std::fill_n(mask.data_ptr<bool>() + row * pos, n, true);
    std::copy_n(
        tree.depths.begin(), n, positions.data_ptr<std::int64_t>() + row * pos);
  }
  TokenBatch batch(std::move(ids), std::move(mask));
  if (are_chains(trees)) {
    return batch;
  }
  batch.positions = std::move(positions);
  batch.visible = at::zeros({rows, pos, pos}, torch::kBool);
  for (std::int64_t row = 0; row < rows; ++row) {
    mark_visible(
        trees[static_cast<std::size_t>(row)],
        batch.visible.data_ptr<bool>() + row * pos * pos,
        pos);
  }
  return batch;
}

std::int64_t common_prefix(const std::vector<TokenIds>& sequences) {
  auto length = sequences.front().size();
  for (const TokenIds& sequence : sequences) {
    const auto end = sequence.begin() + static_cast<std::ptrdiff_t>(
                                            std::min(length, sequence.size()));
    length = static_cast<std::size_t>(
        std::mismatch(sequence.begin(), end, sequences.front().begin()).first -
        sequence.begin());
  }
  return static_cast<std::int64_t>(length);
}

} // namespace ma
