#include "libma/analysis/entry_shape.h"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace ma {
namespace {

/// The shape of all tokens of `x` [pos, d_model].
EntryShape shape_of(const torch::Tensor& x, double threshold = 100) {
  const auto tokens = real_tokens(nullptr, 1, x.size(0), "test");
  const auto found = scan_magnitudes(x, {{0, x.numel()}}, {.top = 5});
  return entry_shape(x, tokens[0], found, threshold);
}

torch::Tensor noise(std::int64_t pos, std::int64_t d_model) {
  return at::randn(
      {pos, d_model}, at::detail::createCPUGenerator(5), torch::kFloat32);
}

TEST(EntryShapeTest, OfTwoPointsHasNoTails) {
  auto x = at::ones({4, 6});
  x.slice(1, 0, 3).fill_(-1);
  const auto shape = shape_of(x);
  EXPECT_DOUBLE_EQ(shape.kurtosis, 1);
  EXPECT_DOUBLE_EQ(shape.neuron_rms_kurtosis, 1);
  EXPECT_DOUBLE_EQ(shape.token_max_over_median, 1);
  EXPECT_NEAR(shape.int8_error, 0, 1e-15);
}

TEST(EntryShapeTest, OfOneDimHasTheLargestNeuronKurtosis) {
  auto x = at::zeros({4, 6});
  x.select(1, 2).fill_(3);
  // Entries: 1/6 of them 3, the others 0; a Bernoulli variable of p = 1/6.
  const double p = 1.0 / 6;
  const auto shape = shape_of(x);
  EXPECT_NEAR(shape.kurtosis, (1 - 3 * p * (1 - p)) / (p * (1 - p)), 1e-12);
  EXPECT_NEAR(shape.neuron_rms_kurtosis, 6, 1e-12);
}

TEST(EntryShapeTest, OfNormalNoiseHasKurtosisThree) {
  const auto shape = shape_of(noise(700, 600)); // standard error 0.0076
  EXPECT_NEAR(shape.kurtosis, 3, 0.03);
  EXPECT_NEAR(shape.neuron_rms_kurtosis, 1, 0.02);
}

TEST(EntryShapeTest, SaysWhatAMassiveEntryCostsTheOthers) {
  auto x = at::full({5, 4}, 0.25); // 0.25 is 0 in steps of 127 / 127
  x[2][1] = -127;
  const double others = 19 * 0.0625;
  const auto shape = shape_of(x);
  EXPECT_DOUBLE_EQ(
      shape.int8_error, std::sqrt(others / (others + 127.0 * 127)));
  EXPECT_DOUBLE_EQ(shape.int8_error_of_rest, 1);
  EXPECT_NEAR(shape.int8_error_apart, 0, 1e-15);
  EXPECT_DOUBLE_EQ(shape.token_max_over_median, (4 + 127 / 0.25) / 5);
}

TEST(EntryShapeTest, RoundsHalvesToEven) {
  // Steps of 1: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, each with an error of 0.5.
  const auto x = at::tensor({127.0F, 0.5F, 1.5F, 2.5F}).view({1, 4});
  EXPECT_DOUBLE_EQ(
      shape_of(x, 1000).int8_error,
      std::sqrt(0.75 / (127.0 * 127 + 0.25 + 2.25 + 6.25)));
}

TEST(EntryShapeTest, SetsMoreMassiveEntriesApartThanAreListed) {
  auto x = at::full({5, 4}, 0.25);
  x.select(1, 0).fill_(127); // five of them
  x[0][1] = 127;
  x[0][2] = 0.5; // the largest of the rest: steps of 0.5 / 127
  const auto shape = shape_of(x);
  const double step = 0.5 / 127;
  const double error = 0.25 - std::nearbyint(0.25 / step) * step;
  const double norm = 13 * 0.0625 + 0.25;
  EXPECT_NEAR(
      shape.int8_error_apart, std::sqrt(13 * error * error / norm), 1e-15);
  EXPECT_DOUBLE_EQ(
      shape.int8_error_of_rest, 1); // 0.5 is half of a step of 1, and even 0
}

TEST(EntryShapeTest, IsTheSameForAnyNumberOfThreads) {
  const auto x = noise(1000, 33);
  const auto threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = shape_of(x);
  at::set_num_threads(3);
  const auto three = shape_of(x);
  at::set_num_threads(threads);
  EXPECT_EQ(one.kurtosis, three.kurtosis);
  EXPECT_EQ(one.token_max_over_median, three.token_max_over_median);
  EXPECT_EQ(one.int8_error, three.int8_error);
}

TEST(EntryShapeTest, LeavesOutPadding) {
  const auto x = noise(4, 8);
  auto padded = at::cat({at::full({2, 8}, 1e6), x});
  const TokenBatch batch(
      at::zeros({1, 6}, torch::kInt64),
      at::tensor({0, 0, 1, 1, 1, 1}, torch::kInt64)
          .to(torch::kBool)
          .view({1, 6}));
  const auto tokens = real_tokens(&batch, 1, 6, "test");
  const auto found =
      scan_magnitudes(padded, tokens[0].elements(0, 6, 8), {.top = 5});
  const auto shape = entry_shape(padded, tokens[0], found, 100);
  EXPECT_EQ(shape.kurtosis, shape_of(x).kurtosis);
  EXPECT_EQ(shape.int8_error, shape_of(x).int8_error);
}

} // namespace
} // namespace ma
