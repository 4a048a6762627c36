// Rows and columns.
#include "libma/analysis/norm_trajectory_tables.h"

#include <cmath>
#include <utility>

#include "libma/analysis/token_quotes.h"
#include "libma/analysis/token_shapes.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;
constexpr std::int64_t kTop = 2; // largest entries of a row

/// Positions of the massive tokens: int64 [member].
torch::Tensor members_of(const NormTrajectory& trajectory) {
  return trajectory.massive.nonzero().flatten().contiguous();
}

/// Cosines of each token with each of `members`, means over heads: [pos,
/// member].
torch::Tensor cosines_of(const torch::Tensor& x, const torch::Tensor& members) {
  const auto vectors = x.dim() == 3 ? x : x.unsqueeze(1); // [pos, head, d]
  return cosines(vectors, vectors.index_select(/*dim=*/0, members))
      .mean(/*dim=*/0);
}

/// The mean of `cosines` [pos, member] over all members but the token itself:
/// [pos]; NaN where there are none.
torch::Tensor mean_to_others(
    const torch::Tensor& cosines, const torch::Tensor& members) {
  const auto is_itself =
      at::arange(cosines.size(0)).unsqueeze(1) == members; // [pos, member]
  return cosines.masked_fill(is_itself, 0).sum(/*dim=*/1) /
         is_itself.logical_not().sum(/*dim=*/1);
}

double number(const torch::Tensor& values, std::int64_t token) {
  return values[token].item<double>();
}

/// The largest entries of token `token`: dim and value of each.
void append_top(
    std::vector<Cell>& cells, const TokenShapes& shapes, std::int64_t token) {
  for (std::int64_t i = 0; i < shapes.top_dims.size(1); ++i) {
    cells.emplace_back(shapes.top_dims[token][i].item<std::int64_t>());
    cells.emplace_back(number(shapes.top_values[token], i));
  }
}

void append_top_columns(std::vector<Column>& columns, const std::string& of) {
  for (std::int64_t i = 1; i <= kTop; ++i) {
    columns.push_back(index_column(c10::str(of, " dim ", i)));
    columns.push_back({.name = c10::str(of, " ", i)});
  }
}

/// Whether a row of pairs, tokens or groups compares a vector by its cosine
/// with others: all but the stream, whose largest entry drowns the rest.
std::vector<std::size_t> compared_vectors() {
  return {kNormalized, kWithGain, 3, 4, 5};
}

} // namespace

Table trajectory_table(const NormTrajectory& trajectory) {
  std::vector<Column> columns = {
      index_column("position"),
      {.name = "token"},
      {.name = "massive"},
      {.name = "rms"}};
  append_top_columns(columns, "normalized");
  columns.push_back({.name = "median"});
  columns.push_back(percent_column("share of 2 entries"));
  columns.push_back({.name = "effective dims"});
  columns.push_back(percent_column("of the bound sqrt(d_model)"));
  append_top_columns(columns, "with gain");
  const auto members = members_of(trajectory);
  std::vector<torch::Tensor> to_massive; // [pos] each
  for (const std::size_t i : compared_vectors()) {
    columns.push_back(decimal_column(
        c10::str("cosine to massive, ", kPathNames.at(i)), "", 4));
    to_massive.push_back(
        mean_to_others(cosines_of(trajectory.vectors.at(i), members), members));
  }
  Table table(std::move(columns));
  const auto& normalized = trajectory.vectors[kNormalized];
  const auto rms = token_shapes(trajectory.vectors[kResid], kTop).rms;
  const auto shapes = token_shapes(normalized, kTop);
  const auto with_gain = token_shapes(trajectory.vectors[kWithGain], kTop);
  const double bound = std::sqrt(static_cast<double>(normalized.size(1)));
  for (std::int64_t token = 0; token < normalized.size(0); ++token) {
    const bool is_massive = trajectory.massive[token].item<bool>();
    std::vector<Cell> cells = {
        token,
        quoted_token(trajectory.tokens, token),
        std::string(is_massive ? "yes" : "no"),
        number(rms, token)};
    append_top(cells, shapes, token);
    cells.emplace_back(number(shapes.median, token));
    cells.emplace_back(kPercent * number(shapes.top_share, token));
    cells.emplace_back(number(shapes.effective_dims, token));
    cells.emplace_back(
        kPercent * std::abs(number(shapes.top_values[token], 0)) / bound);
    append_top(cells, with_gain, token);
    for (const torch::Tensor& each : to_massive) {
      cells.emplace_back(number(each, token));
    }
    table.add_row(std::move(cells));
  }
  return table;
}

Table trajectory_pairs_table(const NormTrajectory& trajectory) {
  std::vector<Column> columns = {
      index_column("position"),
      {.name = "token"},
      index_column("other position"),
      {.name = "other token"}};
  const auto members = members_of(trajectory);
  std::vector<torch::Tensor> of_pairs; // [pos, member] each
  for (const std::size_t i : compared_vectors()) {
    columns.push_back(
        decimal_column(c10::str("cosine, ", kPathNames.at(i)), "", 4));
    of_pairs.push_back(cosines_of(trajectory.vectors.at(i), members));
  }
  Table table(std::move(columns));
  const auto* const massive = members.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < members.numel(); ++i) {
    for (std::int64_t j = i + 1; j < members.numel(); ++j) {
      std::vector<Cell> cells = {
          massive[i],
          quoted_token(trajectory.tokens, massive[i]),
          massive[j],
          quoted_token(trajectory.tokens, massive[j])};
      for (const torch::Tensor& each : of_pairs) {
        cells.emplace_back(number(each[massive[i]], j));
      }
      table.add_row(std::move(cells));
    }
  }
  return table;
}

Table trajectory_groups_table(const TrajectoryGroups& groups) {
  Table table(
      {{.name = "vector"},
       {.name = "tokens"},
       {.name = "count"},
       decimal_column("mean cosine of pairs", "", 4),
       {.name = "mean length"},
       {.name = "std of length"}});
  for (std::size_t i = 0; i < kPathVectors; ++i) {
    for (const auto& [name, group] :
         {std::pair("massive", &groups.massive),
          std::pair("other", &groups.other)}) {
      const VectorGroup& vector = group->vectors.at(i);
      table.add_row(
          {std::string(kPathNames.at(i)),
           std::string(name),
           group->n_tokens,
           vector.cosine,
           vector.norm.mean,
           vector.norm.std()});
    }
  }
  return table;
}

Table trajectory_shapes_table(const TrajectoryGroups& groups) {
  Table table(
      {{.name = "tokens"},
       {.name = "count"},
       {.name = "rms of the stream"},
       {.name = "std of rms"},
       {.name = "largest |x| normalized"},
       {.name = "std of largest"},
       percent_column("of the bound sqrt(d_model)"),
       {.name = "median |x| normalized"},
       percent_column("share of 2 entries"),
       {.name = "effective dims"}});
  const double bound = std::sqrt(static_cast<double>(groups.d_model));
  for (const auto& [name, group] :
       {std::pair("massive", &groups.massive),
        std::pair("other", &groups.other)}) {
    table.add_row(
        {std::string(name),
         group->n_tokens,
         group->rms.mean,
         group->rms.std(),
         group->largest.mean,
         group->largest.std(),
         kPercent * group->largest.mean / bound,
         group->median.mean,
         kPercent * group->top_share.mean,
         group->effective_dims.mean});
  }
  return table;
}

} // namespace ma
