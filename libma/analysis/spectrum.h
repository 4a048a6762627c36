// Spectra of weight matrices, and how rows and columns of interest stand out in
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

/// A row or column of a matrix among all of them.
struct SliceNorm {
  std::int64_t index = 0;
  double norm = 0;          ///< L2
  double median_norm = 0;   ///< of all rows (columns); the lower of two middles
  std::int64_t rank = 0;    ///< by norm, from 1; ties share the best
  std::int64_t count = 0;   ///< rows (columns) there are
  double z = 0;             ///< (norm - mean) / standard deviation (n - 1)
  double max_over_mean = 0; ///< largest |w| / mean |w| in it (An et al. 2025)
  double top_share = 0;     ///< squared component of the first singular vector,
                            ///< of 1
};

/// A matrix [rows, columns], decomposed in float64.
struct MatrixSpectrum {
  std::int64_t rows = 0, columns = 0;
  torch::Tensor singular_values; ///< float64 [min(rows, columns)], descending
  double frobenius = 0;
  double stable_rank = 0; ///< frobenius^2 / sigma_1^2; 0 for a matrix of zeros
  std::vector<SliceNorm> row_norms = {}, column_norms = {}; ///< those asked for

  double top() const; ///< sigma_1
};

/// Throws ShapeError unless `matrix` is floating [rows, columns] with entries
/// that are finite, and the indices are within it.
MatrixSpectrum matrix_spectrum(
    const torch::Tensor& matrix,
    const std::vector<std::int64_t>& rows = {},
    const std::vector<std::int64_t>& columns = {});

/// A matrix of a model that reads the stream, or writes to it.
struct WeightSpectrum {
  std::int64_t layer = 0; ///< 0-based block
  std::string name;       ///< "attn.out", "mlp.down", "mlp.gate", "mlp.up"
  bool writes = false;    ///< rows are dims of the stream; else columns are
  MatrixSpectrum spectrum;
};

/// One row a matrix: `top` singular values, norms, stable rank.
Table spectra_table(
    const std::vector<WeightSpectrum>& spectra, std::int64_t top = 3);

/// One row for each dim and neuron that was asked for, of each matrix.
Table slices_table(const std::vector<WeightSpectrum>& spectra);

/// The gain of a norm at one dim among all of its gains.
struct NormGain {
  std::int64_t layer = -1; ///< 0-based block; -1: the final norm
  std::string norm;        ///< "ln1", "ln2", "ln1_post", "ln2_post", "ln_final"
  std::int64_t dim = 0;
  double gain = 0;        ///< as applied: with the offset of 1 + w
  double median_gain = 0; ///< median |gain| over dims; the lower of two middles
  std::int64_t rank = 0;  ///< by |gain|, from 1; ties share the best
  std::int64_t count = 0; ///< dims
};

/// `gains` [d_model] at `dims`. Throws ShapeError when a dim is outside.
std::vector<NormGain> gains_at(
    const torch::Tensor& gains,
    const std::vector<std::int64_t>& dims,
    std::int64_t layer,
    const std::string& norm);

/// One row for each norm and dim.
Table gains_table(const std::vector<NormGain>& gains);

} // namespace ma
