// Running sums, divided whenever a count is reached.
#include "libma/analysis/prefix_means.h"

#include <algorithm>
#include <utility>

#include "libma/analysis/position_sums.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr const char* kWhere = "prefix means";
constexpr std::int64_t kKinds = 2; // the first position, all others

} // namespace

PrefixMeans::PrefixMeans(
    std::int64_t n_layers, std::vector<std::int64_t> counts)
    : counts_(std::move(counts)), layers_(static_cast<std::size_t>(n_layers)) {
  std::sort(counts_.begin(), counts_.end());
  counts_.erase(std::unique(counts_.begin(), counts_.end()), counts_.end());
  if (counts_.empty() || counts_.front() < 1) {
    throw ConfigError(
        kWhere,
        c10::str(
            "cannot take means over ",
            counts_.empty() ? 0 : counts_.front(),
            " sequences; give numbers from 1"));
  }
}

void PrefixMeans::observe(const torch::Tensor& x, const HookSite& at) {
  const std::int64_t layer = at.layer;
  const bool is_block =
      layer >= 0 && layer < static_cast<std::int64_t>(layers_.size());
  const auto fits = [&](const LayerSums& sums) {
    return !sums.sums.defined() || sums.sums.size(1) == x.size(2);
  };
  if (!is_block || x.dim() != 3 ||
      !fits(layers_[static_cast<std::size_t>(layer)])) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot add ",
            x.sizes(),
            " after block ",
            layer,
            " of ",
            layers_.size(),
            "; expected [batch, pos, d_model] as before"));
  }
  LayerSums& block = layers_[static_cast<std::size_t>(layer)];
  if (!block.sums.defined()) {
    block.sums = at::zeros({kKinds, x.size(2)}, torch::kFloat64);
    block.n_added = at::zeros({kKinds, 1}, torch::kFloat64);
  }
  const auto tokens = real_tokens(at.batch, x.size(0), x.size(1), at.name);
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    if (block.sequences == n_needed()) {
      return;
    }
    const RealTokens& real = tokens[static_cast<std::size_t>(row)];
    add_position_sums(
        x.slice(/*dim=*/0, row, row + 1).contiguous(), {real}, block.sums);
    block.n_added[0] += 1;
    block.n_added[1] += real.count - 1;
    ++block.sequences;
    if (std::binary_search(counts_.begin(), counts_.end(), block.sequences)) {
      block.means.emplace(block.sequences, block.sums / block.n_added);
    }
  }
}

std::map<std::int64_t, torch::Tensor> PrefixMeans::finish() const {
  std::map<std::int64_t, torch::Tensor> found;
  for (const std::int64_t count : counts_) {
    std::vector<torch::Tensor> means;
    for (const LayerSums& block : layers_) {
      const auto mean = block.means.find(count);
      if (mean == block.means.end()) {
        throw ShapeError(
            kWhere,
            c10::str(
                "there were ",
                block.sequences,
                " sequences, not ",
                count,
                "; show more or ask for less"));
      }
      means.push_back(mean->second);
    }
    found.emplace(count, at::stack(means));
  }
  return found;
}

} // namespace ma
