// Rows and columns.
#include "libma/analysis/implicit_bias_tables.h"

#include <string>
#include <utility>
#include <vector>

#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;
constexpr double kSignificant = 0.05; // p of a head that counts as constant

/// The mean of a field over heads.
double mean_of(const LayerBias& layer, double HeadBias::* field) {
  double sum = 0;
  for (const HeadBias& head : layer.heads) {
    sum += head.*field;
  }
  return sum / static_cast<double>(layer.heads.size());
}

double null_mean_of(const LayerBias& layer, RunningStats HeadBias::* field) {
  double sum = 0;
  for (const HeadBias& head : layer.heads) {
    sum += (head.*field).mean;
  }
  return sum / static_cast<double>(layer.heads.size());
}

std::vector<Column> constancy_columns(bool has_null) {
  std::vector<Column> columns = {
      block_column(),
      layer_column(),
      index_column("head"),
      decimal_column("cos_mean"),
      decimal_column("cos_std"),
      decimal_column("cos_between"),
      decimal_column("cos_all"),
      decimal_column("dispersion"),
      {.name = "variance", .digits = 3}};
  if (has_null) {
    for (const char* name :
         {"null_mean",
          "null_std",
          "p",
          "null_cos_mean",
          "null_cos_std",
          "p_cos"}) {
      columns.push_back(decimal_column(name));
    }
  }
  columns.push_back(percent_column("share", 1));
  columns.push_back(percent_column("attention", 1));
  columns.push_back(decimal_column("drain"));
  return columns;
}

} // namespace

Table bias_constancy_table(const ImplicitBias& bias) {
  const bool has_null = bias.options.null_sets > 0;
  Table table(constancy_columns(has_null));
  for (const LayerBias& layer : bias.layers) {
    for (std::size_t h = 0; h < layer.heads.size(); ++h) {
      const HeadBias& head = layer.heads[h];
      std::vector<Cell> cells = {
          layer.layer,
          layer.layer + 1,
          static_cast<std::int64_t>(h),
          head.sequence_cosine.mean,
          head.sequence_cosine.std(),
          head.between_sequences,
          head.cosine,
          head.dispersion,
          head.variance};
      if (has_null) {
        cells.insert(
            cells.end(),
            {head.null_dispersion.mean,
             head.null_dispersion.std(),
             head.p_dispersion,
             head.null_cosine.mean,
             head.null_cosine.std(),
             head.p_cosine});
      }
      cells.emplace_back(kPercent * head.share);
      cells.emplace_back(kPercent * head.probability);
      cells.emplace_back(head.drain);
      table.add_row(std::move(cells));
    }
  }
  return table;
}

Table bias_layers_table(const ImplicitBias& bias) {
  const bool has_null = bias.options.null_sets > 0;
  std::vector<Column> columns = {
      block_column(),
      layer_column(),
      decimal_column("cos_all"),
      decimal_column("dispersion"),
      decimal_column("dispersion, all heads")};
  if (has_null) {
    columns.push_back(decimal_column("null_mean"));
    columns.push_back(decimal_column("heads with p <= 0.05", "", 0));
    columns.push_back(decimal_column("null_cos_mean"));
  }
  columns.push_back(percent_column("share, all heads", 1));
  columns.push_back(percent_column("attention", 1));
  columns.push_back(decimal_column("drain"));
  columns.push_back({.name = "||constant||", .digits = 4});
  Table table(std::move(columns));
  for (std::size_t i = 0; i < bias.layers.size(); ++i) {
    const LayerBias& layer = bias.layers[i];
    std::vector<Cell> cells = {
        layer.layer,
        layer.layer + 1,
        mean_of(layer, &HeadBias::cosine),
        mean_of(layer, &HeadBias::dispersion),
        layer.dispersion};
    if (has_null) {
      std::int64_t constant = 0;
      for (const HeadBias& head : layer.heads) {
        constant += head.p_dispersion <= kSignificant ? 1 : 0;
      }
      cells.insert(
          cells.end(),
          {null_mean_of(layer, &HeadBias::null_dispersion),
           constant,
           null_mean_of(layer, &HeadBias::null_cosine)});
    }
    cells.emplace_back(kPercent * layer.share);
    cells.emplace_back(kPercent * mean_of(layer, &HeadBias::probability));
    cells.emplace_back(mean_of(layer, &HeadBias::drain));
    cells.emplace_back(
        bias.constants[static_cast<std::int64_t>(i)].norm().item<double>());
    table.add_row(std::move(cells));
  }
  return table;
}

} // namespace ma
