// Ranking, steps, tables.
#include "libma/analysis/super_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;

double at(const torch::Tensor& values, std::int64_t index) {
  return values.defined() ? values[index].item<double>()
                          : std::numeric_limits<double>::quiet_NaN();
}

/// NaN as an empty cell.
Cell if_any(double value) {
  return std::isnan(value) ? Cell() : Cell(value);
}

const char* step_name(std::int64_t step) {
  return step > 0 ? "up" : step < 0 ? "down" : "";
}

} // namespace

std::vector<NeuronWrite> rank_neurons(
    const NeuronTerms& terms, double total, std::int64_t top) {
  const auto n = std::min(top, terms.contributions.numel());
  const auto order = at::argsort(
      terms.contributions.abs(),
      /*stable=*/true,
      /*dim=*/0,
      /*descending=*/true);
  std::vector<NeuronWrite> writes;
  double cumulative = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto neuron = order[i].item<std::int64_t>();
    NeuronWrite write{
        .neuron = neuron,
        .contribution = at(terms.contributions, neuron),
        .weight = at(terms.weights, neuron),
        .post = at(terms.post, neuron),
        .pre = at(terms.pre, neuron),
        .pre_linear = at(terms.pre_linear, neuron)};
    write.share = write.contribution / total;
    cumulative += write.share;
    write.cumulative_share = cumulative;
    writes.push_back(write);
  }
  return writes;
}

void mark_steps(std::vector<BlockWrite>& blocks, double share) {
  double largest = 0;
  for (const BlockWrite& block : blocks) {
    largest = std::max(largest, std::abs(block.after));
  }
  for (BlockWrite& block : blocks) {
    const double change = std::abs(block.after) - std::abs(block.before);
    const bool is_step = std::abs(change) > share * largest;
    block.step = !is_step ? 0 : change > 0 ? 1 : -1;
  }
}

Table super_weights_table(const SuperWeightSearch& search) {
  Table table(
      {index_column("removal"),
       block_column(),
       layer_column(),
       index_column("dim (row)"),
       index_column("neuron (column)"),
       {.name = "weight"},
       {.name = "rank by magnitude"},
       {.name = "input"},
       {.name = "largest input"},
       {.name = "output"},
       {.name = "weight x input"},
       percent_column("share of output", 1),
       index_column("position"),
       {.name = "token"},
       {.name = "largest |x| after block"},
       {.name = "without it"}});
  std::int64_t removal = 0;
  for (const SuperWeight& found : search.weights) {
    table.add_row(
        {++removal,
         found.peak.layer,
         found.peak.layer + 1,
         found.peak.dim,
         found.neuron,
         found.weight,
         found.rank,
         found.input,
         std::string(found.is_largest_input ? "yes" : "no"),
         found.peak.output,
         found.contribution,
         kPercent * found.share,
         found.peak.position,
         found.token,
         found.peak.stream,
         found.stream_without});
  }
  return table;
}

Table peaks_table(const SuperWeightSearch& search) {
  Table table(
      {block_column(),
       layer_column(),
       {.name = "largest output"},
       index_column("dim"),
       index_column("position"),
       {.name = "largest input there"},
       index_column("neuron"),
       {.name = "spike"},
       {.name = "largest |x| after block"}});
  for (const MlpPeak& peak : search.peaks) {
    table.add_row(
        {peak.layer,
         peak.layer + 1,
         peak.output,
         peak.dim,
         peak.position,
         peak.input,
         peak.neuron,
         std::string(peak.is_spike ? "yes" : "no"),
         peak.stream});
  }
  return table;
}

Table block_writes_table(const WriteContributions& found) {
  Table table(
      {block_column(),
       layer_column(),
       {.name = "before"},
       {.name = "attention"},
       {.name = "MLP"},
       {.name = "rest"},
       {.name = "after"},
       {.name = "step"}});
  for (const BlockWrite& block : found.blocks) {
    table.add_row(
        {block.layer,
         block.layer + 1,
         block.before,
         block.attention,
         block.mlp,
         block.rest,
         block.after,
         std::string(step_name(block.step))});
  }
  return table;
}

Table neuron_writes_table(const WriteContributions& found) {
  Table table(
      {index_column("neuron"),
       {.name = "weight x post"},
       percent_column("share of MLP", 1),
       percent_column("cumulative", 1),
       {.name = "weight"},
       {.name = "post"},
       {.name = "pre"},
       {.name = "pre_linear"}});
  for (const NeuronWrite& write : found.neurons) {
    table.add_row(
        {write.neuron,
         write.contribution,
         kPercent * write.share,
         kPercent * write.cumulative_share,
         write.weight,
         write.post,
         write.pre,
         if_any(write.pre_linear)});
  }
  return table;
}

} // namespace ma
