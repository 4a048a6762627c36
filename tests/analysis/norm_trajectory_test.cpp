#include "libma/analysis/norm_trajectory.h"

#include <cmath>

#include "tests/tolerance.h"
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "libma/analysis/norm_trajectory_tables.h"
#include "libma/analysis/token_shapes.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kModel = 16;

torch::Tensor random(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(
      shape, at::detail::createCPUGenerator(seed), torch::kFloat32);
}

/// 3 heads of queries, 2 of keys and values.
NormPath path(std::int64_t batch, std::int64_t pos) {
  const auto resid = random({batch, pos, kModel}, 1);
  const auto normalized =
      resid / resid.square().mean(-1, /*keepdim=*/true).sqrt();
  return {
      .resid = resid,
      .normalized = normalized,
      .input = normalized * random({kModel}, 2),
      .q = random({batch, pos, 3, 4}, 3),
      .k = random({batch, pos, 2, 4}, 4),
      .v = random({batch, pos, 2, 4}, 5)};
}

torch::Tensor first_tokens(std::int64_t batch, std::int64_t pos) {
  auto massive = at::zeros({batch, pos}, torch::kBool);
  massive.select(1, 0).fill_(true);
  return massive;
}

TEST(TokenShapesTest, ASingleEntryIsAllOfItsVector) {
  auto x = at::zeros({2, kModel});
  x[0][5] = -3.0; // rms 3 / 4
  x[1].fill_(2);
  const auto shapes = token_shapes(x, 2);
  EXPECT_EQ(shapes.rms[0].item<double>(), 0.75);
  EXPECT_EQ(shapes.top_dims[0][0].item<std::int64_t>(), 5);
  EXPECT_EQ(shapes.top_values[0][0].item<double>(), -3);
  EXPECT_EQ(shapes.top_share[0].item<double>(), 1);
  EXPECT_EQ(shapes.effective_dims[0].item<double>(), 1);
  EXPECT_EQ(shapes.median[0].item<double>(), 0);
  EXPECT_EQ(shapes.top_share[1].item<double>(), 2.0 / kModel);
  EXPECT_EQ(shapes.effective_dims[1].item<double>(), kModel);
}

TEST(TokenShapesTest, WhatIsNoMatrixIsAnError) {
  EXPECT_THROW(token_shapes(at::ones({4}), 2), ShapeError);
  EXPECT_THROW(token_shapes(at::ones({4, 1}), 2), ShapeError);
  EXPECT_THROW(token_shapes(at::ones({4, 4}, torch::kInt64), 2), ShapeError);
}

TEST(TrajectoryGroupsTest, CosinesAreThoseOfAllPairsHeadByHead) {
  const auto way = path(5, 7);
  const auto massive = first_tokens(5, 7);
  TrajectoryAccumulator accumulator(4);
  for (std::int64_t i = 0; i < 5; ++i) { // one sequence at a time
    const auto row = [&](const torch::Tensor& x) {
      return x.slice(0, i, i + 1);
    };
    accumulator.observe(
        {row(way.resid),
         row(way.normalized),
         row(way.input),
         row(way.q),
         row(way.k),
         row(way.v)},
        row(massive));
  }
  const auto found = accumulator.finish();
  EXPECT_EQ(found.layer, 4);
  EXPECT_EQ(found.massive.n_tokens, 5);
  EXPECT_EQ(found.other.n_tokens, 30);
  const auto vectors = vectors_of(way);
  for (std::size_t i = 0; i < kPathVectors; ++i) {
    const auto x = vectors[i].to(torch::kFloat64);
    const auto heads = x.dim() == 4 ? x : x.unsqueeze(2);
    for (const bool is_massive : {true, false}) {
      const auto& group = is_massive ? found.massive : found.other;
      const auto chosen = heads.index({is_massive ? massive : ~massive});
      const auto units = chosen / chosen.norm(2, -1, true); // [n, head, d]
      const auto all =
          at::einsum("ahd,bhd->ab", {units, units}) / units.size(1);
      const auto n = units.size(0);
      const double mean = (all.sum().item<double>() - n) / (n * (n - 1));
      EXPECT_NEAR(group.vectors[i].cosine, mean, 1e-6) << i;
      EXPECT_NEAR(
          group.vectors[i].norm.mean,
          chosen.norm(2, -1).mean().item<double>(),
          1e-5);
    }
  }
}

TEST(TrajectoryGroupsTest, ASpikeFillsItsVectorUpToTheBound) {
  auto way = path(3, 6);
  way.resid = way.resid.clone();
  way.resid.select(1, 0).select(1, 2).fill_(1e6);
  way.normalized = way.resid / way.resid.square().mean(-1, true).sqrt();
  TrajectoryAccumulator accumulator(0);
  accumulator.observe(way, first_tokens(3, 6));
  const auto found = accumulator.finish();
  EXPECT_NEAR(found.massive.largest.mean, std::sqrt(kModel), 1e-4);
  EXPECT_NEAR(found.massive.effective_dims.mean, 1, 1e-4);
  EXPECT_NEAR(found.massive.top_share.mean, 1, 1e-6);
  EXPECT_NEAR(found.massive.vectors[kNormalized].cosine, 1, 1e-6);
  EXPECT_LT(found.other.largest.max, std::sqrt(kModel));
  const Table shapes = trajectory_shapes_table(found);
  EXPECT_NEAR(
      std::get<double>(shapes.at(0, "of the bound sqrt(d_model)")), 100, 1e-3);
  EXPECT_EQ(trajectory_groups_table(found).rows().size(), 2 * kPathVectors);
}

TEST(NormTrajectoryTest, TokensAreComparedWithTheMassiveOnesButThemselves) {
  const auto way = path(1, 5);
  auto massive = first_tokens(1, 5);
  massive[0][3] = true;
  const auto found =
      make_trajectory(2, way, massive, at::arange(5, torch::kInt64));
  const auto k = way.k[0].to(torch::kFloat64); // [pos, kv_head, d_head]
  const auto cosine = [&](std::int64_t a, std::int64_t b) {
    return at::cosine_similarity(k[a], k[b], -1).mean().item<double>();
  };
  const Table table = trajectory_table(found);
  const auto cell = [&](std::size_t row) {
    return std::get<double>(table.at(row, "cosine to massive, k"));
  };
  EXPECT_NEAR(cell(0), cosine(0, 3), 1e-6);
  EXPECT_NEAR(cell(3), cosine(0, 3), 1e-6);
  EXPECT_NEAR(cell(1), (cosine(1, 0) + cosine(1, 3)) / 2, 1e-6);
  const Table pairs = trajectory_pairs_table(found);
  ASSERT_EQ(pairs.rows().size(), 1U);
  EXPECT_EQ(std::get<std::int64_t>(pairs.at(0, "other position")), 3);
  EXPECT_NEAR(std::get<double>(pairs.at(0, "cosine, k")), cosine(0, 3), 1e-6);
}

TEST(NormTrajectoryTest, WhatDoesNotFitIsAnError) {
  TrajectoryAccumulator accumulator(0);
  EXPECT_THROW(accumulator.finish(), ShapeError);
  EXPECT_THROW(accumulator.observe(path(2, 4), first_tokens(2, 5)), ShapeError);
  EXPECT_THROW(accumulator.observe({}, first_tokens(2, 5)), ShapeError);
  EXPECT_THROW(
      make_trajectory(
          0, path(2, 4), first_tokens(2, 4), at::arange(4, torch::kInt64)),
      ShapeError);
}

} // namespace
} // namespace ma
