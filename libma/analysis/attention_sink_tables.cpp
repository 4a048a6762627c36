// Rows and columns.
#include "libma/analysis/attention_sink_tables.h"

#include <limits>
#include <string>
#include <utility>

#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? kNone
                    : static_cast<double>(part) / static_cast<double>(whole);
}

/// Blocks and heads as rows: the values of both tables.
class Rows {
 public:
  explicit Rows(const AttentionSinks& sinks) : sinks_(sinks) {}

  std::vector<Column> columns() const {
    std::vector<Column> columns;
    columns.reserve(sinks_.options.eps.size());
    for (const double eps : sinks_.options.eps) {
      columns.push_back(
          percent_column(c10::str("first token is a sink, eps ", eps)));
    }
    for (const double eps : sinks_.options.eps) {
      columns.push_back(
          percent_column(c10::str("some token is a sink, eps ", eps)));
    }
    columns.push_back(percent_column("on the first token"));
    columns.push_back(percent_column("on massive tokens"));
    columns.push_back(percent_column("largest alpha"));
    columns.push_back(decimal_column("entropy", "nats"));
    if (sinks_.massive_score.defined()) {
      columns.push_back(decimal_column("logit of massive tokens"));
      columns.push_back(decimal_column("logit of other tokens"));
    }
    return columns;
  }

  /// The mean over heads [first, last) of block number `layer`.
  void append(
      std::vector<Cell>& cells,
      std::int64_t layer,
      std::int64_t first,
      std::int64_t last) const {
    const auto mean = [&](const torch::Tensor& of_heads) {
      return of_heads[layer].slice(/*dim=*/0, first, last).mean(/*dim=*/0);
    };
    const auto n_eps = static_cast<std::int64_t>(sinks_.options.eps.size());
    for (const auto* sinks : {&sinks_.sink_first, &sinks_.sink_any}) {
      for (std::int64_t i = 0; i < n_eps; ++i) {
        cells.emplace_back(kPercent * mean(*sinks)[i].item<double>());
      }
    }
    for (const auto* part : {&sinks_.first, &sinks_.massive, &sinks_.largest}) {
      cells.emplace_back(kPercent * mean(*part).item<double>());
    }
    cells.emplace_back(mean(sinks_.entropy).item<double>());
    if (sinks_.massive_score.defined()) {
      cells.emplace_back(mean(sinks_.massive_score).item<double>());
      cells.emplace_back(mean(sinks_.other_score).item<double>());
    }
  }

 private:
  const AttentionSinks& sinks_;
};

} // namespace

Table sink_summary_table(const AttentionSinks& sinks) {
  Table table(
      {{.name = "eps", .digits = 3},
       percent_column("first token is a sink"),
       percent_column("some token is a sink")});
  const auto first = sinks.sink_first.mean({0, 1}); // [eps]
  const auto any = sinks.sink_any.mean({0, 1});
  for (std::size_t i = 0; i < sinks.options.eps.size(); ++i) {
    const auto eps = static_cast<std::int64_t>(i);
    table.add_row(
        {sinks.options.eps[i],
         kPercent * first[eps].item<double>(),
         kPercent * any[eps].item<double>()});
  }
  return table;
}

Table sink_blocks_table(const AttentionSinks& sinks) {
  const Rows rows(sinks);
  const auto concentrated = c10::str(
      "heads with over ",
      kPercent * sinks.options.concentrated,
      " % on massive tokens");
  auto columns = with_block_columns();
  for (Column& column : rows.columns()) {
    columns.push_back(std::move(column));
  }
  columns.push_back(percent_column(concentrated));
  columns.push_back({.name = "attention outliers in a sequence", .digits = 3});
  columns.push_back(percent_column("of them massive tokens"));
  Table table(std::move(columns));
  const auto n_heads = sinks.first.size(1);
  for (std::size_t i = 0; i < sinks.layers.size(); ++i) {
    const auto layer = static_cast<std::int64_t>(i);
    std::vector<Cell> cells = {sinks.layers[i], sinks.layers[i] + 1};
    rows.append(cells, layer, 0, n_heads);
    const auto above =
        (sinks.massive[layer] > sinks.options.concentrated).sum();
    cells.emplace_back(kPercent * ratio(above.item<std::int64_t>(), n_heads));
    const AttentionOutliers& outliers = sinks.outliers[i];
    cells.emplace_back(ratio(outliers.all, sinks.n_sequences));
    cells.emplace_back(kPercent * ratio(outliers.massive, outliers.all));
    table.add_row(std::move(cells));
  }
  return table;
}

Table sink_heads_table(const AttentionSinks& sinks) {
  const Rows rows(sinks);
  auto columns = with_block_columns({index_column("head")});
  for (Column& column : rows.columns()) {
    columns.push_back(std::move(column));
  }
  Table table(std::move(columns));
  for (std::size_t i = 0; i < sinks.layers.size(); ++i) {
    for (std::int64_t head = 0; head < sinks.first.size(1); ++head) {
      std::vector<Cell> cells = {sinks.layers[i], sinks.layers[i] + 1, head};
      rows.append(cells, static_cast<std::int64_t>(i), head, head + 1);
      table.add_row(std::move(cells));
    }
  }
  return table;
}

Table attention_outliers_table(const AttentionSinks& sinks) {
  Table table(with_block_columns(
      {{.name = "token class"},
       {.name = "attention outliers"},
       percent_column("of the block's")}));
  for (std::size_t i = 0; i < sinks.layers.size(); ++i) {
    const AttentionOutliers& outliers = sinks.outliers[i];
    for (const auto& [token_class, count] : outliers.by_class) {
      table.add_row(
          {sinks.layers[i],
           sinks.layers[i] + 1,
           std::string(token_class_name(token_class)),
           count,
           kPercent * ratio(count, outliers.all)});
    }
  }
  return table;
}

} // namespace ma
