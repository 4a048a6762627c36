// Tables and JSON of planted summaries.
#include "libma/analysis/comparison.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MassiveSite site_at(
    std::int64_t dim, TokenClass token_class, std::int64_t block) {
  MassiveSite site;
  site.dim = dim;
  site.token_class = token_class;
  site.first_layer = block;
  site.last_layer = block + 1;
  site.peak_layer = block + 1;
  site.mean = -1000.0 / 3;
  site.max_over_median = std::nan("");
  site.count = 7;
  site.token_ids = {5, 6};
  site.tokens = {" the", "\n"};
  return site;
}

/// Three blocks, two dims: one at the start in blocks 1 and 2, one at a
/// delimiter in 0 and 1.
ModelSummary massive_model() {
  ModelSummary model{
      .label = "massive",
      .architecture = "some",
      .n_layers = 3,
      .d_model = 8,
      .n_parameters = 1234567,
      .dtype = "float32",
      .device = "cpu"};
  model.profile.meets_criterion = true;
  model.profile.n_sequences = 4;
  model.profile.sites = {
      site_at(7, TokenClass::kStart, 1),
      site_at(7, TokenClass::kStrongDelimiter, 1),
      site_at(3, TokenClass::kStrongDelimiter, 0)};
  for (std::int64_t block = 0; block < 3; ++block) {
    LayerMagnitudes layer;
    layer.layer = block;
    layer.top = {500.0 + static_cast<double>(block), 50, 5, 4, 3};
    layer.top_1_percent = 2.5;
    layer.top_10_percent = 1.5;
    layer.median = 0.1;
    layer.max_over_median = 1.0 / 3;
    model.profile.layers.push_back(layer);
  }
  return model;
}

/// The same with one dim less, another one more, and nothing that meets the
/// criterion in the end.
ModelSummary plain_model() {
  auto model = massive_model();
  model.label = "plain";
  model.has_bos = true;
  model.profile.meets_criterion = false;
  model.profile.sites = {site_at(5, TokenClass::kStart, 1)};
  return model;
}

ModelSummary failed_model() {
  return {.label = "lost", .failure = "[lost] is not there"};
}

std::string text_of(const Table& table, std::size_t row, const char* column) {
  return std::get<std::string>(table.at(row, column));
}

TEST(ComparisonTableTest, DescribesAModelWhereItsStrongestSitePeaks) {
  const auto table = comparison_table({massive_model()});
  EXPECT_EQ(text_of(table, 0, "massive"), "yes");
  EXPECT_EQ(table.at(0, "massive dims"), Cell(std::int64_t{2}));
  EXPECT_EQ(table.at(0, "first block (0-based)"), Cell(std::int64_t{0}));
  EXPECT_EQ(table.at(0, "last block (0-based)"), Cell(std::int64_t{2}));
  EXPECT_EQ(table.at(0, "peak block (0-based)"), Cell(std::int64_t{2}));
  EXPECT_EQ(table.at(0, "top 1"), Cell(502.0));
  EXPECT_EQ(table.at(0, "top 1 / median"), Cell(1.0 / 3));
  EXPECT_EQ(text_of(table, 0, "dims"), "7, 3");
  EXPECT_EQ(text_of(table, 0, "token classes"), "start, strong_delimiter");
  EXPECT_EQ(table.at(0, "parameters"), Cell(1.234567));
  EXPECT_THAT(table.to_text(), Not(HasSubstr("failed")));
}

TEST(ComparisonTableTest, ShowsInParenthesesWhatDoesNotMeetTheCriterion) {
  const auto table = comparison_table({plain_model()});
  EXPECT_EQ(text_of(table, 0, "massive"), "no");
  EXPECT_EQ(text_of(table, 0, "BOS"), "yes");
  EXPECT_EQ(table.at(0, "massive dims"), Cell(std::int64_t{0}));
  EXPECT_EQ(table.at(0, "first block (0-based)"), Cell());
  EXPECT_EQ(text_of(table, 0, "dims"), "(5)");
  EXPECT_EQ(table.at(0, "top 1"), Cell(502.0));
}

TEST(ComparisonTableTest, ListsModelsThatFailedWithTheReason) {
  const std::vector<ModelSummary> models = {massive_model(), failed_model()};
  const auto table = comparison_table(models);
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(table.at(0, "failed"), Cell());
  EXPECT_EQ(text_of(table, 1, "failed"), "[lost] is not there");
  EXPECT_EQ(table.at(1, "top 1"), Cell());
  EXPECT_EQ(comparison_sites_table(models).rows().size(), 3U);
  EXPECT_EQ(comparison_layers_table(models).rows().size(), 3U);
  EXPECT_EQ(magnitudes_table(models).rows().size(), 1U);
}

TEST(ComparisonTableTest, SitesAndBlocksCarryTheirModel) {
  const auto sites = comparison_sites_table({massive_model(), plain_model()});
  ASSERT_EQ(sites.rows().size(), 4U);
  EXPECT_EQ(text_of(sites, 3, "model"), "plain");
  EXPECT_EQ(text_of(sites, 3, "massive"), "no");
  EXPECT_EQ(sites.at(3, "dim"), Cell(std::int64_t{5}));
  EXPECT_EQ(sites.at(3, "count"), Cell(std::int64_t{7}));
  const auto layers = comparison_layers_table({plain_model(), massive_model()});
  ASSERT_EQ(layers.rows().size(), 6U);
  EXPECT_EQ(text_of(layers, 3, "model"), "massive");
  EXPECT_EQ(layers.at(4, "top 1"), Cell(501.0));
}

TEST(ComparisonTableTest, MagnitudesAreThoseOfThePeakBlockInBothBases) {
  const auto table = magnitudes_table({massive_model()});
  EXPECT_EQ(table.at(0, "block (0-based)"), Cell(std::int64_t{2}));
  EXPECT_EQ(table.at(0, "layer (1-based)"), Cell(std::int64_t{3}));
  EXPECT_EQ(table.at(0, "top 1"), Cell(502.0));
  EXPECT_EQ(table.at(0, "top 5"), Cell(3.0));
  EXPECT_EQ(table.at(0, "top 1 %"), Cell(2.5));
  EXPECT_EQ(table.at(0, "top 10 %"), Cell(1.5));
}

TEST(PairsTableTest, SaysWhichDimsBothHave) {
  auto tuned = massive_model();
  tuned.label = "tuned";
  tuned.base = "massive";
  tuned.profile.sites = {
      site_at(3, TokenClass::kStart, 0), site_at(4, TokenClass::kWord, 1)};
  const auto table = pairs_table({massive_model(), tuned});
  ASSERT_EQ(table.rows().size(), 1U);
  EXPECT_EQ(text_of(table, 0, "model"), "tuned");
  EXPECT_EQ(text_of(table, 0, "dims of both"), "3");
  EXPECT_EQ(text_of(table, 0, "dims of the base alone"), "7");
  EXPECT_EQ(text_of(table, 0, "dims of the model alone"), "4");
  EXPECT_EQ(table.at(0, "base: top 1"), Cell(502.0));
  EXPECT_EQ(table.at(0, "model: top 1"), Cell(501.0));
}

TEST(PairsTableTest, LeavesOutPairsOfWhichOneFailed) {
  auto tuned = massive_model();
  tuned.base = "lost";
  EXPECT_TRUE(pairs_table({failed_model(), tuned}).rows().empty());
}

TEST(ModelSummaryJsonTest, ComesBackWithTheSameTables) {
  auto tuned = plain_model();
  tuned.base = "massive";
  tuned.profile.layers[1].median = std::nan("");
  const std::vector<ModelSummary> models = {
      massive_model(), tuned, failed_model()};
  std::vector<ModelSummary> read;
  for (const ModelSummary& model : models) {
    const auto text = to_json(model).dump();
    read.push_back(model_summary_from_json(nlohmann::json::parse(text)));
    EXPECT_EQ(to_json(read.back()).dump(), text);
  }
  for (const auto& tables :
       {comparison_table,
        comparison_sites_table,
        comparison_layers_table,
        magnitudes_table,
        pairs_table}) {
    EXPECT_EQ(tables(read).to_csv(), tables(models).to_csv());
  }
}

TEST(ModelSummaryJsonTest, RefusesWhatIsNoSummary) {
  auto json = to_json(massive_model());
  json["profile"]["sites"][0]["token_class"] = "middle";
  EXPECT_THROW(model_summary_from_json(json), ConfigError);
  EXPECT_THROW(
      model_summary_from_json(nlohmann::json::parse(R"({"label": "x"})")),
      ConfigError);
}

} // namespace
} // namespace ma
