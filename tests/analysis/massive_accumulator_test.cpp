#include "libma/analysis/massive_accumulator.h"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kLayers = 4, kRows = 5, kPos = 9, kDim = 70;

/// Streams [layer][batch, pos, d_model] with a planted site: dim 7 at the
/// start, blocks 1 and 2 of all sequences; dim 11 at the first "." of most
/// sequences, block 2; one stray entry.
std::vector<torch::Tensor> planted_streams() {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);
  std::vector<torch::Tensor> streams;
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    streams.push_back(
        at::randn({kRows, kPos, kDim}, generator, torch::kFloat32) * 0.1);
  }
  for (std::int64_t row = 0; row < kRows; ++row) {
    const auto shift = static_cast<double>(row);
    streams[1][row][0][7] = 400 + shift;
    streams[2][row][0][7] = -(900 + 10 * shift);
    if (row < 3) {
      streams[2][row][2 + row][11] = 300 + shift;
    }
  }
  streams[3][4][5][60] = 5000;
  return streams;
}

/// ids: 1 is ".", 0 a word; the first "." of row r stands at 2 + r, a second
/// one at the end.
TokenBatch planted_batch() {
  auto ids = at::zeros({kRows, kPos}, torch::kInt64);
  for (std::int64_t row = 0; row < kRows; ++row) {
    ids[row][2 + row] = 1;
    ids[row][kPos - 1] = 1;
  }
  return ids;
}

torch::Tensor table() {
  return at::tensor({static_cast<int>(TokenClass::kWord),
                     static_cast<int>(TokenClass::kStrongDelimiter)})
      .to(torch::kInt8);
}

MassiveProfile find_in(
    const std::vector<torch::Tensor>& streams,
    const TokenBatch& batch,
    MassiveCriterion criterion = {}) {
  MassiveAccumulator accumulator(
      static_cast<std::int64_t>(streams.size()), criterion, table());
  for (std::size_t layer = 0; layer < streams.size(); ++layer) {
    accumulator.observe(
        static_cast<std::int64_t>(layer), streams[layer], batch);
  }
  return accumulator.finish();
}

TEST(MassiveAccumulatorTest, FindsThePlantedSitesInOrderOfMagnitude) {
  const auto profile = find_in(planted_streams(), planted_batch());
  ASSERT_EQ(profile.sites.size(), 2U);
  EXPECT_TRUE(profile.meets_criterion);
  EXPECT_EQ(profile.n_sequences, kRows);
  EXPECT_EQ(profile.length, kPos);
  EXPECT_EQ(profile.edit_layer, 1);
  const MassiveSite& start = profile.sites[0];
  EXPECT_EQ(start.dim, 7);
  EXPECT_EQ(start.token_class, TokenClass::kStart);
  EXPECT_EQ(start.first_layer, 1);
  EXPECT_EQ(start.last_layer, 2);
  EXPECT_EQ(start.peak_layer, 2);
  EXPECT_DOUBLE_EQ(start.mean, -920);
  EXPECT_DOUBLE_EQ(
      start.std, std::sqrt(250.0)); // of 0, 10, 20, 30, 40 with n - 1
  EXPECT_EQ(start.min, -940);
  EXPECT_EQ(start.max, -900);
  EXPECT_EQ(start.count, kRows);
  EXPECT_EQ(start.sequence_share, 1);
  const MassiveSite& dot = profile.sites[1];
  EXPECT_EQ(dot.dim, 11);
  EXPECT_EQ(dot.token_class, TokenClass::kStrongDelimiter);
  EXPECT_EQ(dot.first_layer, 2);
  EXPECT_EQ(dot.count, 3);
  EXPECT_DOUBLE_EQ(dot.sequence_share, 0.6);
  EXPECT_THAT(dot.token_ids, ElementsAre(1));
}

TEST(MassiveAccumulatorTest, LeavesOutSitesInFewerThanHalfOfTheSequences) {
  for (const MassiveSite& site :
       find_in(planted_streams(), planted_batch()).sites) {
    EXPECT_NE(site.dim, 60);
  }
}

/// One hidden state of one sequence by definition, in float64, with a sort for
/// the median.
struct Naive {
  explicit Naive(const torch::Tensor& x)
      : sorted(std::get<0>(x.to(torch::kFloat64).abs().flatten().sort())) {}
  double median() const {
    return sorted[(sorted.numel() - 1) / 2].item<double>();
  }
  double top(std::int64_t rank) const {
    return sorted[sorted.numel() - 1 - rank].item<double>();
  }
  torch::Tensor sorted;
};

TEST(MassiveAccumulatorTest, LayerStatisticsEqualTheDefinition) {
  const auto streams = planted_streams();
  const auto profile = find_in(streams, planted_batch());
  for (std::size_t layer = 0; layer < streams.size(); ++layer) {
    const LayerMagnitudes& found = profile.layers[layer];
    std::array<double, 5> top = {};
    double percent = 0, tenth = 0, median = 0, ratio = 0, massive = 0;
    for (std::int64_t row = 0; row < kRows; ++row) {
      const Naive naive(streams[layer][row]);
      for (std::size_t i = 0; i < top.size(); ++i) {
        top[i] += naive.top(static_cast<std::int64_t>(i)) / kRows;
      }
      const auto n = naive.sorted.numel();
      percent += naive.top((n + 99) / 100 - 1) / kRows;
      tenth += naive.top((n + 9) / 10 - 1) / kRows;
      median += naive.median() / kRows;
      ratio += naive.top(0) / naive.median() / kRows;
      massive += naive.top(0) > 100 && naive.top(0) > 1000 * naive.median()
                     ? 1.0 / kRows
                     : 0;
    }
    EXPECT_EQ(found.layer, static_cast<std::int64_t>(layer));
    for (std::size_t i = 0; i < top.size(); ++i) {
      EXPECT_NEAR(found.top[i], top[i], 1e-9 * top[i]);
    }
    EXPECT_NEAR(found.top_1_percent, percent, 1e-9 * percent);
    EXPECT_NEAR(found.top_10_percent, tenth, 1e-9 * tenth);
    EXPECT_NEAR(found.median, median, 1e-12);
    EXPECT_NEAR(found.max_over_median, ratio, 1e-9 * ratio);
    EXPECT_NEAR(found.massive_share, massive, 1e-12);
  }
}

TEST(MassiveAccumulatorTest, MeansAreOverStartsAndOverTheRest) {
  const auto streams = planted_streams();
  const auto profile = find_in(streams, planted_batch());
  for (std::size_t layer = 0; layer < streams.size(); ++layer) {
    const auto x = streams[layer].to(torch::kFloat64);
    const auto means = profile.means[static_cast<std::int64_t>(layer)];
    EXPECT_TRUE(at::allclose(means[0], x.select(1, 0).mean(0), 1e-12, 1e-12));
    EXPECT_TRUE(
        at::allclose(means[1], x.slice(1, 1).mean({0, 1}), 1e-12, 1e-12));
  }
}

TEST(MassiveAccumulatorTest, HitMeansAreOverTheHitsWhereThereAreAny) {
  const auto profile = find_in(planted_streams(), planted_batch());
  EXPECT_NEAR(profile.hit_means[2][1][11].item<double>(), 301, 1e-9);
  EXPECT_LT(std::abs(profile.means[2][1][11].item<double>()), 30)
      << "diluted by the positions that are not massive";
  EXPECT_EQ(
      profile.hit_means[2][1][12].item<double>(),
      profile.means[2][1][12].item<double>());
  EXPECT_EQ(
      profile.means_for(profile.massive()).data_ptr(),
      profile.hit_means.data_ptr());
  EXPECT_EQ(
      profile.means_for(profile.top()).data_ptr(), profile.means.data_ptr());
}

/// Every number of a profile, for comparisons.
std::vector<double> numbers(const MassiveProfile& profile) {
  std::vector<double> all;
  for (const LayerMagnitudes& layer : profile.layers) {
    all.insert(
        all.end(),
        {layer.top[0],
         layer.top[2],
         layer.top_std[0],
         layer.median,
         layer.max_over_median,
         layer.massive_share});
  }
  for (const MassiveSite& site : profile.sites) {
    all.insert(
        all.end(),
        {static_cast<double>(site.dim),
         static_cast<double>(site.first_layer),
         site.mean,
         site.std,
         site.max_over_median,
         static_cast<double>(site.count),
         site.sequence_share});
  }
  const auto means =
      at::cat({profile.means.flatten(), profile.hit_means.flatten()});
  all.insert(
      all.end(),
      means.const_data_ptr<double>(),
      means.const_data_ptr<double>() + means.numel());
  return all;
}

TEST(MassiveAccumulatorTest, BatchesAndPaddingChangeNothing) {
  const auto streams = planted_streams();
  const auto ids = planted_batch().ids;
  MassiveAccumulator one_by_one(kLayers, {}, table());
  MassiveAccumulator padded(kLayers, {}, table());
  for (std::int64_t row = 0; row < kRows; ++row) {
    const auto left = row % 3; // of 3 columns of padding
    auto mask = at::zeros({1, kPos + 3}, torch::kBool);
    mask.narrow(1, left, kPos).fill_(true);
    const TokenBatch batch(
        at::constant_pad_nd(ids.narrow(0, row, 1), {left, 3 - left}, 1), mask);
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
      const auto x = streams[static_cast<std::size_t>(layer)].narrow(0, row, 1);
      one_by_one.observe(layer, x, ids.narrow(0, row, 1));
      padded.observe(
          layer, at::constant_pad_nd(x, {0, 0, left, 3 - left}, 1e9), batch);
    }
  }
  const auto expected = numbers(find_in(streams, planted_batch()));
  EXPECT_THAT(
      numbers(one_by_one.finish()),
      ::testing::Pointwise(::testing::DoubleEq(), expected));
  EXPECT_THAT(
      numbers(padded.finish()),
      ::testing::Pointwise(::testing::DoubleEq(), expected));
}

TEST(MassiveAccumulatorTest, ThreadsChangeNothing) {
  const auto x = at::randn(
      {2, 700, 200},
      at::make_generator<at::CPUGeneratorImpl>(5),
      torch::kFloat32);
  const TokenBatch batch(at::zeros({2, 700}, torch::kInt64));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto expected = numbers(find_in({x}, batch));
  at::set_num_threads(3);
  EXPECT_EQ(numbers(find_in({x}, batch)), expected);
  at::set_num_threads(threads);
}

TEST(MassiveAccumulatorTest, HalfPrecisionStreamsAreMeasuredInDouble) {
  const auto streams = planted_streams();
  for (const auto dtype : {torch::kBFloat16, torch::kHalf, torch::kFloat64}) {
    std::vector<torch::Tensor> converted, reference;
    for (const auto& x : streams) {
      converted.push_back(x.to(dtype));
      reference.push_back(x.to(dtype).to(torch::kFloat64));
    }
    EXPECT_THAT(
        numbers(find_in(converted, planted_batch())),
        ::testing::Pointwise(
            ::testing::DoubleEq(),
            numbers(find_in(reference, planted_batch()))));
  }
}

TEST(MassiveAccumulatorTest, WithoutAHitTheMostExtremeSiteIsReported) {
  const auto profile = find_in(
      planted_streams(), planted_batch(), {.magnitude = 1e6, .ratio = 1000});
  EXPECT_FALSE(profile.meets_criterion);
  ASSERT_EQ(profile.sites.size(), 1U);
  EXPECT_EQ(profile.sites[0].dim, 7);
  EXPECT_EQ(profile.sites[0].first_layer, 1); // it is the largest there too
  EXPECT_EQ(profile.sites[0].peak_layer, 2);
  EXPECT_DOUBLE_EQ(profile.sites[0].mean, -920);
  EXPECT_EQ(profile.edit_layer, 1);
  EXPECT_TRUE(at::equal(profile.hit_means, profile.means));
}

TEST(MassiveAccumulatorTest, TopIsTheStartSitesAndMassiveAllDims) {
  const auto profile = find_in(planted_streams(), planted_batch());
  EXPECT_THAT(profile.top().positions, ElementsAre(0));
  EXPECT_THAT(profile.top().dims, ElementsAre(7));
  EXPECT_THAT(profile.top(0).dims, ElementsAre(7))
      << "dim 11 is not at the start";
  EXPECT_THAT(profile.massive().dims, ElementsAre(7, 11));
  EXPECT_EQ(profile.massive().kind, SelectionKind::kCriterion);
  MassiveProfile nowhere;
  EXPECT_THROW(nowhere.top(), ConfigError);
}

TEST(MassiveAccumulatorTest, RejectsStreamsThatDoNotFit) {
  MassiveAccumulator accumulator(2, {});
  const TokenBatch batch(at::zeros({2, 3}, torch::kInt64));
  EXPECT_THROW(accumulator.observe(2, at::ones({2, 3, 4}), batch), ShapeError);
  EXPECT_THROW(accumulator.observe(-1, at::ones({2, 3, 4}), batch), ShapeError);
  EXPECT_THROW(accumulator.observe(0, at::ones({2, 4, 4}), batch), ShapeError);
  EXPECT_THROW(
      accumulator.observe(0, at::ones({2, 3, 4}), TokenBatch{}), ShapeError);
  accumulator.observe(0, at::ones({2, 3, 4}), batch);
  EXPECT_THROW(accumulator.observe(1, at::ones({2, 3, 5}), batch), ShapeError);
}

TEST(MassiveAccumulatorTest, FinishNeedsTheSameSequencesAfterEveryBlock) {
  MassiveAccumulator accumulator(2, {});
  EXPECT_THROW(accumulator.finish(), ShapeError);
  accumulator.observe(0, at::ones({2, 3, 4}), at::zeros({2, 3}, torch::kInt64));
  EXPECT_THROW(accumulator.finish(), ShapeError);
}

TEST(MassiveAccumulatorTest, RejectsThresholdsThatAreNoThresholds) {
  EXPECT_THROW(
      MassiveAccumulator(1, {.magnitude = -1, .ratio = 1000}), ConfigError);
  EXPECT_THROW(
      MassiveAccumulator(1, {.magnitude = 100, .ratio = std::nan("")}),
      ConfigError);
}

TEST(MassiveSiteTest, DescribesItselfInOneLine) {
  const auto profile = find_in(planted_streams(), planted_batch());
  EXPECT_THAT(
      describe(profile.sites[0]),
      ::testing::StartsWith(
          "dim 7 at start: blocks 1 to 2 (0-based), peak 2, mean -920"));
}

} // namespace
} // namespace ma
