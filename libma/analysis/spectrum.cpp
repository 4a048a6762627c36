// Singular values by LAPACK, through ATen.
#include "libma/analysis/spectrum.h"

#include <cmath>
#include <string_view>
#include <tuple>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

void check_indices(
    const std::vector<std::int64_t>& indices,
    std::int64_t size,
    std::string_view what) {
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= size) {
      throw ShapeError(
          "spectrum",
          c10::str("there is no ", what, " ", index, "; use 0 to ", size - 1));
    }
  }
}

/// Rows of `matrix` [row, ...] at `indices`; `top` [row] is their singular
/// vector.
std::vector<SliceNorm> slices_of(
    const torch::Tensor& matrix,
    const torch::Tensor& top,
    const std::vector<std::int64_t>& indices) {
  std::vector<SliceNorm> slices;
  if (indices.empty()) {
    return slices;
  }
  const auto norms = at::linalg_vector_norm(
      matrix, /*ord=*/2, /*dim=*/std::vector<std::int64_t>{1}); // [row]
  const auto median = norms.median().item<double>();
  const auto mean = norms.mean().item<double>();
  const auto deviation = norms.std(/*unbiased=*/true).item<double>();
  for (const std::int64_t index : indices) {
    const auto magnitudes = matrix[index].abs();
    const auto norm = norms[index].item<double>();
    const auto component = top[index].item<double>();
    slices.push_back(
        {.index = index,
         .norm = norm,
         .median_norm = median,
         .rank = 1 + (norms > norm).sum().item<std::int64_t>(),
         .count = norms.numel(),
         .z = (norm - mean) / deviation,
         .max_over_mean =
             magnitudes.max().item<double>() / magnitudes.mean().item<double>(),
         .top_share = component * component});
  }
  return slices;
}

void add_slices(
    Table& table,
    const WeightSpectrum& matrix,
    const char* what,
    const std::vector<SliceNorm>& slices) {
  for (const SliceNorm& slice : slices) {
    table.add_row(
        {matrix.layer,
         matrix.layer + 1,
         matrix.name,
         std::string(what),
         slice.index,
         slice.norm,
         slice.median_norm,
         slice.rank,
         slice.count,
         slice.z,
         slice.max_over_mean,
         100 * slice.top_share});
  }
}

} // namespace

double MatrixSpectrum::top() const {
  return singular_values[0].item<double>();
}

MatrixSpectrum matrix_spectrum(
    const torch::Tensor& matrix,
    const std::vector<std::int64_t>& rows,
    const std::vector<std::int64_t>& columns) {
  if (matrix.dim() != 2 || matrix.numel() == 0 || !matrix.is_floating_point()) {
    throw ShapeError(
        "spectrum",
        c10::str(
            "expected a floating matrix [rows, columns], got ",
            matrix.scalar_type(),
            " ",
            matrix.sizes()));
  }
  check_indices(rows, matrix.size(0), "row");
  check_indices(columns, matrix.size(1), "column");
  const auto w = matrix.to(torch::kCPU, torch::kFloat64);
  if (!at::isfinite(w).all().item<bool>()) {
    throw ShapeError(
        "spectrum", "the matrix has infinite or NaN entries; it has no SVD");
  }
  // LAPACK is faster on matrices that are tall.
  const bool is_wide = w.size(0) < w.size(1);
  const auto [u, s, vh] =
      at::linalg_svd(is_wide ? w.t() : w, /*full_matrices=*/false);
  const auto left = u.select(/*dim=*/1, 0);
  const auto right = vh.select(/*dim=*/0, 0);
  MatrixSpectrum spectrum{
      .rows = w.size(0), .columns = w.size(1), .singular_values = s};
  const auto squares = w.square().sum().item<double>();
  spectrum.frobenius = std::sqrt(squares);
  const double sigma = spectrum.top();
  spectrum.stable_rank = sigma > 0 ? squares / (sigma * sigma) : 0;
  spectrum.row_norms = slices_of(w, is_wide ? right : left, rows);
  spectrum.column_norms = slices_of(w.t(), is_wide ? left : right, columns);
  return spectrum;
}

std::vector<NormGain> gains_at(
    const torch::Tensor& gains,
    const std::vector<std::int64_t>& dims,
    std::int64_t layer,
    const std::string& norm) {
  check_indices(dims, gains.numel(), "dim");
  const auto values = gains.to(torch::kCPU, torch::kFloat64);
  const auto magnitudes = values.abs();
  std::vector<NormGain> found;
  for (const std::int64_t dim : dims) {
    const auto magnitude = magnitudes[dim].item<double>();
    found.push_back(
        {.layer = layer,
         .norm = norm,
         .dim = dim,
         .gain = values[dim].item<double>(),
         .median_gain = magnitudes.median().item<double>(),
         .rank = 1 + (magnitudes > magnitude).sum().item<std::int64_t>(),
         .count = values.numel()});
  }
  return found;
}

Table spectra_table(
    const std::vector<WeightSpectrum>& spectra, std::int64_t top) {
  auto columns = with_block_columns({{.name = "matrix"}, {.name = "shape"}});
  for (std::int64_t i = 1; i <= top; ++i) {
    columns.push_back({.name = c10::str("sigma ", i)});
  }
  columns.push_back({.name = "Frobenius norm"});
  columns.push_back({.name = "stable rank"});
  Table table(std::move(columns));
  for (const WeightSpectrum& each : spectra) {
    const MatrixSpectrum& spectrum = each.spectrum;
    std::vector<Cell> cells = {
        each.layer,
        each.layer + 1,
        each.name,
        c10::str(spectrum.rows, " x ", spectrum.columns)};
    for (std::int64_t i = 0; i < top; ++i) {
      const bool exists = i < spectrum.singular_values.numel();
      cells.push_back(
          exists ? Cell(spectrum.singular_values[i].item<double>()) : Cell());
    }
    cells.emplace_back(spectrum.frobenius);
    cells.emplace_back(spectrum.stable_rank);
    table.add_row(std::move(cells));
  }
  return table;
}

Table slices_table(const std::vector<WeightSpectrum>& spectra) {
  Table table(with_block_columns(
      {{.name = "matrix"},
       {.name = "what"},
       index_column("index"),
       {.name = "norm"},
       {.name = "median norm"},
       index_column("rank"),
       index_column("of"),
       {.name = "z", .style = NumberStyle::kDecimals, .digits = 2},
       {.name = "max / mean |w|"},
       {.name = "share of first singular vector",
        .unit = "%",
        .style = NumberStyle::kDecimals,
        .digits = 2}}));
  for (const WeightSpectrum& each : spectra) {
    const auto& [dims, neurons] =
        each.writes
            ? std::tie(each.spectrum.row_norms, each.spectrum.column_norms)
            : std::tie(each.spectrum.column_norms, each.spectrum.row_norms);
    add_slices(table, each, "dim", dims);
    add_slices(table, each, "neuron", neurons);
  }
  return table;
}

Table gains_table(const std::vector<NormGain>& gains) {
  Table table(with_block_columns(
      {{.name = "norm"},
       index_column("dim"),
       {.name = "gain"},
       {.name = "median |gain|"},
       {.name = "|gain| / median"},
       index_column("rank"),
       index_column("of")}));
  for (const NormGain& gain : gains) {
    const bool is_final = gain.layer < 0;
    table.add_row(
        {is_final ? Cell() : Cell(gain.layer),
         is_final ? Cell() : Cell(gain.layer + 1),
         gain.norm,
         gain.dim,
         gain.gain,
         gain.median_gain,
         std::abs(gain.gain) / gain.median_gain,
         gain.rank,
         gain.count});
  }
  return table;
}

} // namespace ma
