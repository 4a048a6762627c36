// Rows and columns.
#include "libma/analysis/token_norm_tables.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;

double share(std::int64_t part, std::int64_t whole) {
  return kPercent * static_cast<double>(part) / static_cast<double>(whole);
}

} // namespace

Table token_norms_table(const TokenNorms& norms) {
  Table table(
      {block_column(),
       {.name = "token"},
       {.name = "mean norm"},
       {.name = "std"},
       {.name = "min"},
       {.name = "max"},
       {.name = "tokens"}});
  for (std::size_t layer = 0; layer < norms.layers.size(); ++layer) {
    for (std::size_t kind = 0; kind < norms.kinds.size(); ++kind) {
      const RunningStats& norm = norms.layers[layer].kinds[kind];
      table.add_row(
          {static_cast<std::int64_t>(layer),
           norms.kinds[kind],
           norm.mean,
           norm.std(),
           norm.min,
           norm.max,
           norm.count});
    }
  }
  return table;
}

Table patch_norms_table(const TokenNorms& norms) {
  const auto threshold = c10::str(norms.options.threshold);
  const auto ratio = c10::str(norms.options.ratio);
  Table table(
      {block_column(),
       {.name = "mean norm"},
       {.name = "max"},
       {.name = "bimodality", .style = NumberStyle::kDecimals, .digits = 3},
       {.name = "low mode", .digits = 3},
       {.name = "valley", .digits = 3},
       {.name = "high mode", .digits = 3},
       percent_column("above the valley", 3),
       percent_column("above " + threshold, 3),
       percent_column("images with one above " + threshold, 3),
       percent_column("above " + ratio + " x median", 3),
       percent_column("images with one above " + ratio + " x median", 3)});
  for (std::size_t layer = 0; layer < norms.layers.size(); ++layer) {
    const BlockNorms& block = norms.layers[layer];
    const RunningStats& norm = block.kinds.back();
    std::vector<Cell> cells = {
        static_cast<std::int64_t>(layer),
        norm.mean,
        norm.max,
        block.log_moments.bimodality()};
    if (const auto valley = block.histogram.valley()) {
      cells.insert(
          cells.end(),
          {valley->low_mode,
           valley->at,
           valley->high_mode,
           share(valley->above, norm.count)});
    } else {
      cells.resize(cells.size() + 4); // empty
    }
    for (const HighNormCount& high :
         {block.above_threshold, block.above_ratio}) {
      cells.emplace_back(share(high.patches, norm.count));
      cells.emplace_back(share(high.images, norms.n_images));
    }
    table.add_row(std::move(cells));
  }
  return table;
}

Table norm_histogram_table(const TokenNorms& norms, std::int64_t per_octave) {
  Table table(
      {block_column(), {.name = "from"}, {.name = "to"}, {.name = "patches"}});
  for (std::size_t layer = 0; layer < norms.layers.size(); ++layer) {
    for (const LogBin& bin : norms.layers[layer].histogram.bins(per_octave)) {
      table.add_row(
          {static_cast<std::int64_t>(layer), bin.from, bin.to, bin.count});
    }
  }
  return table;
}

NormHistograms norm_histograms(
    const TokenNorms& norms, std::int64_t per_octave) {
  std::vector<std::vector<LogBin>> layers;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  for (const BlockNorms& block : norms.layers) {
    layers.push_back(block.histogram.bins(per_octave));
    if (!layers.back().empty()) {
      first = std::min(first, layers.back().front().index);
      last = std::max(last, layers.back().back().index);
    }
  }
  const auto n_bins = std::max<std::int64_t>(0, last - first + 1);
  const auto n_layers = static_cast<std::int64_t>(layers.size());
  NormHistograms found{
      .edges = at::exp2(
          (at::arange(n_bins + 1, torch::kFloat64) + first) / per_octave),
      .patches = at::zeros({n_layers, n_bins}, torch::kInt64)};
  auto* const patches = found.patches.mutable_data_ptr<std::int64_t>();
  std::int64_t row = 0;
  for (const auto& bins : layers) {
    for (const LogBin& bin : bins) {
      patches[row * n_bins + bin.index - first] = bin.count;
    }
    ++row;
  }
  return found;
}

} // namespace ma
