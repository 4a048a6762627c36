#include "libma/analysis/spectrum.h"

#include <cmath>

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>

#include "libma/core/error.h"

namespace ma {
namespace {

torch::Tensor random_matrix(std::int64_t rows, std::int64_t columns) {
  return at::randn(
      {rows, columns}, at::detail::createCPUGenerator(3), torch::kFloat64);
}

TEST(SpectrumTest, IsThatOfADiagonalMatrix) {
  auto matrix = at::zeros({3, 4}, torch::kFloat32);
  matrix[0][1] = 2;
  matrix[1][0] = -4;
  matrix[2][3] = 1;
  const auto spectrum = matrix_spectrum(matrix, {1, 2}, {0, 2});
  MA_EXPECT_CLOSE(
      spectrum.singular_values, at::tensor({4.0, 2.0, 1.0}, torch::kFloat64));
  EXPECT_DOUBLE_EQ(spectrum.frobenius, std::sqrt(21.0));
  EXPECT_DOUBLE_EQ(spectrum.stable_rank, 21.0 / 16);
  EXPECT_DOUBLE_EQ(spectrum.row_norms[0].norm, 4);
  EXPECT_EQ(spectrum.row_norms[0].rank, 1);
  EXPECT_DOUBLE_EQ(spectrum.row_norms[0].top_share, 1);
  EXPECT_DOUBLE_EQ(spectrum.row_norms[0].median_norm, 2);
  EXPECT_DOUBLE_EQ(spectrum.row_norms[0].max_over_mean, 4);
  EXPECT_EQ(spectrum.row_norms[1].rank, 3);
  EXPECT_NEAR(spectrum.row_norms[1].top_share, 0, 1e-30);
  // Norms 2, 4, 1: mean 7/3, variance 7/3.
  EXPECT_NEAR(
      spectrum.row_norms[0].z, (4 - 7.0 / 3) / std::sqrt(7.0 / 3), 1e-12);
  EXPECT_DOUBLE_EQ(spectrum.column_norms[0].norm, 4);
  EXPECT_EQ(spectrum.column_norms[1].rank, 4);
  EXPECT_EQ(spectrum.column_norms[1].count, 4);
}

TEST(SpectrumTest, FindsTheFactorsThatAMatrixWasMadeOf) {
  const auto u = std::get<0>(at::linalg_qr(random_matrix(11, 3)));
  const auto v = std::get<0>(at::linalg_qr(random_matrix(7, 3)));
  const auto sigma = at::tensor({9.0, 4.0, 1.5}, torch::kFloat64);
  const auto spectrum = matrix_spectrum(at::matmul(u * sigma, v.t()), {4}, {5});
  EXPECT_EQ(spectrum.singular_values.numel(), 7);
  MA_EXPECT_CLOSE(spectrum.singular_values.slice(0, 0, 3), sigma);
  EXPECT_LE(spectrum.singular_values[3].item<double>(), 1e-12);
  EXPECT_NEAR(
      spectrum.row_norms[0].top_share,
      std::pow(u[4][0].item<double>(), 2),
      1e-12);
  EXPECT_NEAR(
      spectrum.column_norms[0].top_share,
      std::pow(v[5][0].item<double>(), 2),
      1e-12);
  EXPECT_NEAR(spectrum.stable_rank, (81 + 16 + 2.25) / 81, 1e-12);
}

TEST(SpectrumTest, OfZerosHasStableRankZero) {
  EXPECT_EQ(matrix_spectrum(at::zeros({2, 2})).stable_rank, 0);
}

TEST(SpectrumTest, WhatDoesNotFitIsAnError) {
  const auto matrix = random_matrix(3, 4);
  EXPECT_THROW(matrix_spectrum(matrix[0]), ShapeError);
  EXPECT_THROW(matrix_spectrum(matrix.to(torch::kInt64)), ShapeError);
  EXPECT_THROW(matrix_spectrum(at::zeros({0, 4})), ShapeError);
  EXPECT_THROW(matrix_spectrum(matrix, {3}), ShapeError);
  EXPECT_THROW(matrix_spectrum(matrix, {}, {-1}), ShapeError);
  EXPECT_THROW(matrix_spectrum(matrix / 0), ShapeError);
}

TEST(SpectrumTest, TablesHaveARowForEachMatrixAndSlice) {
  const auto matrix = random_matrix(3, 4);
  const std::vector<WeightSpectrum> spectra = {
      {5, "mlp.down", true, matrix_spectrum(matrix, {2}, {0, 1})},
      {5, "mlp.up", false, matrix_spectrum(matrix, {1}, {3})}};
  const Table table = spectra_table(spectra, /*top=*/4);
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(std::get<std::string>(table.at(0, "shape")), "3 x 4");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.at(0, "sigma 4")));
  const Table slices = slices_table(spectra);
  ASSERT_EQ(slices.rows().size(), 5U);
  EXPECT_EQ(std::get<std::string>(slices.at(0, "what")), "dim");
  EXPECT_EQ(std::get<std::int64_t>(slices.at(0, "index")), 2);
  EXPECT_EQ(std::get<std::string>(slices.at(2, "what")), "neuron");
  EXPECT_EQ(std::get<std::int64_t>(slices.at(3, "index")), 3); // dim: a column
  EXPECT_EQ(std::get<std::int64_t>(slices.at(4, "index")), 1);
}

TEST(NormGainsTest, RankByMagnitudeAndDivideByTheMedian) {
  const auto gains = at::tensor({0.5F, -3.0F, 1.0F, 2.0F});
  const auto found = gains_at(gains, {1, 0}, 7, "ln1");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_DOUBLE_EQ(found[0].gain, -3);
  EXPECT_EQ(found[0].rank, 1);
  EXPECT_DOUBLE_EQ(found[0].median_gain, 1);
  EXPECT_EQ(found[1].rank, 4);
  EXPECT_THROW(gains_at(gains, {4}, 7, "ln1"), ShapeError);
  const Table table = gains_table(found);
  EXPECT_DOUBLE_EQ(std::get<double>(table.at(0, "|gain| / median")), 3);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "layer (1-based)")), 8);
}

} // namespace
} // namespace ma
