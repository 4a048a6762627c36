#include "libma/core/magnitudes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/core/magnitudes_kernels.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr torch::ScalarType kDtypes[] = {
    torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kHalf};

std::vector<ElementRange> all_of(const torch::Tensor& x) {
  return {{0, x.numel()}};
}

torch::Tensor random_values(std::int64_t n, std::uint64_t seed) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn({n}, generator, torch::kFloat64) *
         at::randn({n}, generator, torch::kFloat64).exp();
}

double torch_median(const torch::Tensor& x) {
  return x.abs().median().item<double>();
}

/// Same number, or both NaN.
void expect_same(double actual, double expected, const std::string& what) {
  EXPECT_TRUE(
      actual == expected || (std::isnan(actual) && std::isnan(expected)))
      << what << ": " << actual << " instead of " << expected;
}

void expect_torch_median(const torch::Tensor& values, const std::string& what) {
  for (const auto dtype : kDtypes) {
    const auto x = values.to(dtype);
    const auto text = c10::str(what, " in ", dtype);
    expect_same(median_magnitude(x, all_of(x)), torch_median(x), text);
    expect_same(
        detail::find_candidates_generic(x, all_of(x), {}).median,
        torch_median(x),
        text + ", generic");
  }
}

TEST(MedianMagnitudeTest, EqualsTorchForOddAndEvenCounts) {
  for (std::int64_t n = 1; n <= 12; ++n) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      expect_torch_median(random_values(n, seed), c10::str(n, " values"));
    }
  }
}

TEST(MedianMagnitudeTest, EqualsTorchOnManyValuesOverSeveralThreads) {
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  expect_torch_median(random_values(200'001, 1), "200,001 values");
  expect_torch_median(random_values(200'002, 2) * 1e-3, "200,002 values");
  at::set_num_threads(threads);
}

TEST(MedianMagnitudeTest, EqualsTorchWhereASampleMisleads) {
  auto periodic = random_values(150'000, 8);
  for (const std::int64_t stride : {8, 9, 32}) {
    auto x = periodic.clone();
    x.slice(/*dim=*/0, 0, x.numel(), stride).fill_(1000);
    expect_torch_median(x, c10::str("1000 at every element number ", stride));
  }
  expect_torch_median(periodic.round(), "many ties");
  expect_torch_median(at::ones({150'001}), "ones");
  expect_torch_median(std::get<0>(periodic.sort()), "sorted values");
  periodic[149'999] = std::nan("");
  expect_torch_median(periodic, "one NaN of many");
}

TEST(MedianMagnitudeTest, EqualsTorchOnTies) {
  expect_torch_median(at::zeros({1000}), "zeros");
  expect_torch_median(at::full({7}, -2.5), "one value");
  expect_torch_median(at::tensor({1.0, -1.0, 2.0, -2.0}), "pairs");
  expect_torch_median(random_values(5000, 3).round(), "rounded values");
}

/// More elements share the median's upper 16 bits than are gathered.
TEST(MedianMagnitudeTest, EqualsTorchWhereMostValuesAreNearlyAlike) {
  constexpr std::int64_t n = 200'000;
  expect_torch_median(
      1 + 0.005 * random_values(n, 1).abs().clamp_max(1), "near 1");
  auto sparse = random_values(n, 2);
  sparse.slice(0, 0, n - 50'000).zero_();
  expect_torch_median(sparse, "mostly 0");
}

TEST(MedianMagnitudeTest, EqualsTorchOnSubnormalsZerosAndInfinities) {
  expect_torch_median(
      at::tensor({-0.0, 0.0, 1e-45, -1e-45, 1e-40}), "subnormals");
  expect_torch_median(
      at::tensor({-kInfinity, 1.0, kInfinity}), "two infinities of three");
  expect_torch_median(
      at::tensor({-kInfinity, 1.0, 2.0}), "one infinity of three");
}

TEST(MedianMagnitudeTest, IsNanWhenAnElementIsNan) {
  expect_torch_median(at::tensor({1.0, std::nan(""), 2.0}), "one NaN");
  auto x = at::ones({9}, torch::kFloat32);
  const std::uint32_t smallest_nan =
      0x7F800001; // differs from infinity in the last bit only
  std::memcpy(
      x.mutable_data_ptr<float>() + 4, &smallest_nan, sizeof smallest_nan);
  EXPECT_TRUE(std::isnan(median_magnitude(x, all_of(x))));
}

TEST(MedianMagnitudeTest, LooksAtItsRangesOnly) {
  const auto x = at::tensor({99.0, 1.0, 2.0, 99.0, 99.0, 3.0, 99.0});
  EXPECT_EQ(median_magnitude(x, {{1, 3}, {5, 6}}), 2);
  EXPECT_EQ(detail::find_candidates_generic(x, {{1, 3}, {5, 6}}, {}).median, 2);
}

TEST(MedianMagnitudeTest, RejectsAnEmptyRowAndIntegers) {
  EXPECT_THROW(median_magnitude(at::ones({3}), {}), ShapeError);
  EXPECT_THROW(
      median_magnitude(at::ones({3}, torch::kInt64), {{0, 3}}), ShapeError);
}

std::vector<std::int64_t> indices_of(const std::vector<Entry>& entries) {
  std::vector<std::int64_t> indices;
  for (const Entry& entry : entries) {
    indices.push_back(entry.index);
  }
  return indices;
}

/// Hits by definition, with a full sort for the median.
std::vector<std::int64_t> naive_hits(
    const torch::Tensor& x, const MagnitudeQuery& query) {
  const auto magnitudes = x.abs().to(torch::kFloat64);
  std::vector<std::int64_t> hits;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double size = magnitudes[i].item<double>();
    if (size > query.magnitude && size > query.ratio * torch_median(x)) {
      hits.push_back(i);
    }
  }
  return hits;
}

TEST(ScanMagnitudesTest, HitsAreThoseOfTheDefinition) {
  for (const auto dtype : kDtypes) {
    const auto x = random_values(3000, 4).to(dtype);
    for (const MagnitudeQuery& query :
         {MagnitudeQuery{3, 1, 0},
          MagnitudeQuery{0.1, 12.5, 2},
          MagnitudeQuery{0, 0, 0}}) {
      EXPECT_EQ(
          indices_of(scan_magnitudes(x, all_of(x), query).hits),
          naive_hits(x, query))
          << dtype;
    }
  }
}

TEST(ScanMagnitudesTest, AnEntryThatEqualsAThresholdIsNoHit) {
  for (const auto dtype : kDtypes) {
    const auto x = at::tensor({1.0, -1.0, 100.0, -100.5, 1.0}).to(dtype);
    EXPECT_THAT(
        indices_of(
            scan_magnitudes(x, all_of(x), {.magnitude = 100, .ratio = 10})
                .hits),
        ElementsAre(3));
    EXPECT_THAT(
        indices_of(
            scan_magnitudes(x, all_of(x), {.magnitude = 1, .ratio = 100}).hits),
        ElementsAre(3));
  }
}

TEST(ScanMagnitudesTest, AThresholdBeyondTheDtypeFindsNothingFinite) {
  const auto x = at::tensor({1.0, 65504.0, 2.0}).to(torch::kHalf);
  EXPECT_TRUE(scan_magnitudes(x, all_of(x), {.magnitude = 1e6, .ratio = 0})
                  .hits.empty());
}

TEST(ScanMagnitudesTest, TopIsInOrderWithTiesByIndex) {
  const auto x = at::tensor({1.0, -7.0, 3.0, 7.0, 9.0, 7.0});
  EXPECT_THAT(
      indices_of(scan_magnitudes(x, all_of(x), {.top = 3}).top),
      ElementsAre(4, 1, 3));
  EXPECT_EQ(scan_magnitudes(x, all_of(x), {.top = 3}).top[1].value, -7);
  EXPECT_EQ(scan_magnitudes(x, all_of(x), {.top = 10}).top.size(), 6U)
      << "no more than there are";
}

TEST(ScanMagnitudesTest, NanComesFirst) {
  const auto x = at::tensor({1.0, kInfinity, std::nan(""), 2.0});
  EXPECT_THAT(
      indices_of(scan_magnitudes(x, all_of(x), {.top = 2}).top),
      ElementsAre(2, 1));
  EXPECT_TRUE(
      scan_magnitudes(x, all_of(x), {.magnitude = 0, .ratio = 1}).hits.empty())
      << "the median is NaN";
}

TEST(ScanMagnitudesTest, TheGenericKernelFindsTheSameCandidates) {
  for (const auto dtype : kDtypes) {
    const auto x = random_values(3000, 5).to(dtype);
    const std::vector<ElementRange> row = {{10, 700}, {900, 2500}};
    const MagnitudeQuery query{.magnitude = 2, .ratio = 3, .top = 5};
    auto expected = scan_magnitudes(x, row, query);
    auto found = detail::find_candidates_generic(x, row, query);
    EXPECT_EQ(found.median, expected.median);
    for (const Entry& hit : expected.hits) {
      EXPECT_EQ(
          std::count_if(
              found.entries.begin(),
              found.entries.end(),
              [&](const Entry& entry) {
                return entry.index == hit.index && entry.value == hit.value;
              }),
          1);
    }
  }
}

TEST(ScanMagnitudesTest, SharesAreOfDescendingRankCeilOfShareTimesN) {
  for (const auto dtype : kDtypes) {
    for (const std::int64_t n : {1, 2, 99, 100, 101, 3000}) {
      const auto x = random_values(n, 7).to(dtype);
      const MagnitudeQuery query{.shares = {0.01, 0.1, 0.5, 1.0}};
      const auto sorted = std::get<0>(x.abs().sort(0, /*descending=*/true));
      const auto on_cpu = scan_magnitudes(x, all_of(x), query).at_shares;
      const auto generic =
          detail::find_candidates_generic(x, all_of(x), query).at_shares;
      ASSERT_EQ(on_cpu.size(), query.shares.size());
      for (std::size_t i = 0; i < query.shares.size(); ++i) {
        const auto rank = static_cast<std::int64_t>(
            std::ceil(query.shares[i] * static_cast<double>(n)));
        const auto expected = sorted[rank - 1].item<double>();
        EXPECT_EQ(on_cpu[i], expected) << n << " in " << dtype;
        EXPECT_EQ(generic[i], expected) << n << " in " << dtype;
      }
    }
  }
}

TEST(ScanMagnitudesTest, SharesAreNanWhenAnElementIsNan) {
  const auto x = at::tensor({1.0, 2.0, std::nan(""), 3.0});
  const MagnitudeQuery query{.shares = {0.5}};
  EXPECT_TRUE(
      std::isnan(scan_magnitudes(x, all_of(x), query).at_shares.front()));
  EXPECT_TRUE(
      std::isnan(
          detail::find_candidates_generic(x, all_of(x), query)
              .at_shares.front()));
}

TEST(NearestMagnitudesTest, TakesTheClosestWithTiesByIndex) {
  const auto x = at::tensor({9.0, -3.0, 2.0, 4.0, 6.0, 1.0});
  EXPECT_THAT(nearest_magnitudes(x, all_of(x), 3, 2), ElementsAre(1, 2));
  EXPECT_THAT(nearest_magnitudes(x, {{0, 1}, {3, 6}}, 3, 2), ElementsAre(3, 5));
}

TEST(NearestMagnitudesTest, TheGenericKernelAgrees) {
  for (const auto dtype : kDtypes) {
    const auto x =
        random_values(2000, 6).mul(10).round().to(dtype); // many ties
    const std::vector<ElementRange> row = {{5, 600}, {601, 1990}};
    for (const std::int64_t count : {1, 7, 500}) {
      EXPECT_EQ(
          detail::nearest_magnitudes_generic(x, row, 4, count),
          nearest_magnitudes(x, row, 4, count))
          << dtype;
    }
  }
}

} // namespace
} // namespace ma
