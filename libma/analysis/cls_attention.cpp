// Sums of the class token's row of each pattern.
#include "libma/analysis/cls_attention.h"

#include <algorithm>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;

bool is_register(const std::string& kind) {
  return kind.starts_with("register:");
}

} // namespace

ClsAttentionAccumulator::ClsAttentionAccumulator(
    std::vector<std::int64_t> layers, std::vector<std::string> kinds)
    : layers_(std::move(layers)), kinds_(std::move(kinds)) {
  const auto cls = std::find(kinds_.begin(), kinds_.end(), "cls");
  if (cls == kinds_.end()) {
    throw ConfigError(
        "class token's attention", "the model has no class token");
  }
  if (layers_.empty()) {
    throw ConfigError(
        "class token's attention", "no blocks are given; name at least one");
  }
  cls_ = cls - kinds_.begin();
  std::sort(layers_.begin(), layers_.end());
  layers_.erase(std::unique(layers_.begin(), layers_.end()), layers_.end());
  sums_.resize(layers_.size());
}

void ClsAttentionAccumulator::observe(
    std::int64_t layer, const torch::Tensor& pattern) {
  const auto found = std::find(layers_.begin(), layers_.end(), layer);
  const auto n_prefix = static_cast<std::int64_t>(kinds_.size()) - 1;
  if (found == layers_.end() || pattern.dim() != 4 ||
      pattern.size(3) <= n_prefix || pattern.size(2) != pattern.size(3)) {
    throw ShapeError(
        "class token's attention",
        c10::str(
            "cannot look at a pattern ",
            pattern.sizes(),
            " of block ",
            layer,
            "; expected [batch, head, query_pos, key_pos] of a block that is "
            "looked at"));
  }
  Sums& sums = sums_[static_cast<std::size_t>(found - layers_.begin())];
  // One row of the pattern: the only thing that is copied.
  const auto row =
      pattern.select(/*dim=*/2, cls_)
          .to(torch::kCPU, torch::kFloat64); // [batch, head, key_pos]
  const auto prefix =
      row.slice(/*dim=*/2, 0, n_prefix).sum(/*dim=*/0); // [head, prefix]
  const auto patches = row.slice(/*dim=*/2, n_prefix).sum({0, 2}); // [head]
  if (sums.n_images == 0) {
    sums.shares = at::zeros(
        {pattern.size(1), n_prefix + 1}, row.options()); // [head, kind]
    sums.per_patch = at::zeros({pattern.size(1)}, row.options());
  }
  sums.shares += at::cat({prefix, patches.unsqueeze(1)}, /*dim=*/1);
  sums.per_patch += patches / (pattern.size(3) - n_prefix);
  sums.n_images += pattern.size(0);
}

ClsAttention ClsAttentionAccumulator::finish() const {
  ClsAttention found{
      .kinds = kinds_, .layers = layers_, .n_images = sums_.front().n_images};
  std::vector<torch::Tensor> shares;
  std::vector<torch::Tensor> per_patch;
  for (const Sums& sums : sums_) {
    if (sums.n_images == 0 || sums.n_images != found.n_images) {
      throw ShapeError(
          "class token's attention",
          "no images were seen, or not the same number in each block");
    }
    shares.push_back(sums.shares / sums.n_images);
    per_patch.push_back(sums.per_patch / sums.n_images);
  }
  found.shares = at::stack(shares);       // [layer, head, kind]
  found.per_patch = at::stack(per_patch); // [layer, head]
  return found;
}

Table cls_attention_table(const ClsAttention& attention, bool by_head) {
  const bool has_registers =
      std::any_of(attention.kinds.begin(), attention.kinds.end(), is_register);
  std::vector<Column> columns = {block_column()};
  if (by_head) {
    columns.push_back(index_column("head"));
  }
  for (const std::string& kind : attention.kinds) {
    columns.push_back(percent_column(kind == "patch" ? "all patches" : kind));
  }
  if (has_registers) {
    columns.push_back(percent_column("all registers"));
  }
  columns.push_back(percent_column("one patch", 4));
  Table table(std::move(columns));
  const auto shares =
      by_head ? attention.shares : attention.shares.mean(/*dim=*/1, true);
  const auto per_patch =
      by_head ? attention.per_patch : attention.per_patch.mean(/*dim=*/1, true);
  for (std::size_t i = 0; i < attention.layers.size(); ++i) {
    const auto layer = static_cast<std::int64_t>(i);
    for (std::int64_t head = 0; head < shares.size(1); ++head) {
      std::vector<Cell> cells = {attention.layers[i]};
      if (by_head) {
        cells.emplace_back(head);
      }
      double registers = 0;
      for (std::size_t k = 0; k < attention.kinds.size(); ++k) {
        const double share =
            kPercent *
            shares[layer][head][static_cast<std::int64_t>(k)].item<double>();
        registers += is_register(attention.kinds[k]) ? share : 0;
        cells.emplace_back(share);
      }
      if (has_registers) {
        cells.emplace_back(registers);
      }
      cells.emplace_back(kPercent * per_patch[layer][head].item<double>());
      table.add_row(std::move(cells));
    }
  }
  return table;
}

} // namespace ma
