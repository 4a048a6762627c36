// A handful of tokens of each sequence, gathered and averaged (Welford 1962).
#include "libma/analysis/class_values.h"

#include <cmath>
#include <limits>

#include "libma/core/error.h"

namespace ma {
namespace {

/// One value a dim: `mean`, `squares` and `sizes` are [d_model].
void add_token(
    const double* x,
    std::int64_t d_model,
    std::int64_t count,
    std::array<double*, 3> moments) {
  const auto& [mean, squares, sizes] = moments;
  const auto n = static_cast<double>(count);
  for (std::int64_t dim = 0; dim < d_model; ++dim) {
    const double delta = x[dim] - mean[dim];
    mean[dim] += delta / n;
    squares[dim] += delta * (x[dim] - mean[dim]);
    sizes[dim] += std::abs(x[dim]);
  }
}

} // namespace

std::vector<FirstColumns> first_columns(
    const TokenBatch& batch, const torch::Tensor& table) {
  const auto classes = classify_tokens(batch, table); // [batch, pos]
  std::vector<FirstColumns> rows;
  for (std::int64_t row = 0; row < classes.size(0); ++row) {
    FirstColumns columns;
    columns.fill(-1);
    const auto* of_row =
        classes.const_data_ptr<std::int8_t>() + row * classes.size(1);
    for (std::int64_t column = 0; column < classes.size(1); ++column) {
      const auto token_class = of_row[column];
      if (token_class >= 0 && token_class < kTextClasses &&
          columns[static_cast<std::size_t>(token_class)] < 0) {
        columns[static_cast<std::size_t>(token_class)] = column;
      }
    }
    rows.push_back(columns);
  }
  return rows;
}

void ClassValueAccumulator::observe(
    std::int64_t stream,
    const torch::Tensor& x,
    const std::vector<FirstColumns>& columns) {
  std::vector<std::int64_t> tokens; // of x flattened to [batch * pos, d_model]
  std::vector<std::size_t> classes;
  for (std::size_t row = 0; row < columns.size(); ++row) {
    for (std::size_t i = 0; i < columns[row].size(); ++i) {
      if (columns[row][i] >= 0) {
        tokens.push_back(
            static_cast<std::int64_t>(row) * x.size(1) + columns[row][i]);
        classes.push_back(i);
      }
    }
  }
  const auto d_model = x.size(2);
  if (!moments_.defined()) {
    const auto n_streams = static_cast<std::int64_t>(counts_.size());
    moments_ =
        at::zeros({n_streams, 3, kTextClasses, d_model}, torch::kFloat64);
  }
  auto& counts = counts_.at(static_cast<std::size_t>(stream));
  const auto gathered =
      x.flatten(0, 1)
          .index_select(0, at::tensor(tokens, torch::kInt64).to(x.device()))
          .to(torch::kCPU, torch::kFloat64)
          .contiguous(); // [token, d_model]
  const auto part = kTextClasses * d_model;
  auto* values = moments_.mutable_data_ptr<double>() + 3 * part * stream;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    double* of_class = values + static_cast<std::int64_t>(classes[i]) * d_model;
    add_token(
        gathered.const_data_ptr<double>() +
            static_cast<std::int64_t>(i) * d_model,
        d_model,
        ++counts[classes[i]],
        {of_class, of_class + part, of_class + 2 * part});
  }
}

ClassValues ClassValueAccumulator::finish() const {
  for (const auto& counts : counts_) {
    if (!moments_.defined() || counts != counts_.front()) {
      throw ShapeError(
          "class values",
          "a stream saw other sequences than the first; show every stream "
          "the same, at least one");
    }
  }
  ClassValues found{.counts = {counts_.front().begin(), counts_.front().end()}};
  const auto moment = [&](std::int64_t number) {
    return moments_.select(1, number).contiguous(); // [stream, class, d_model]
  };
  const auto n = at::tensor(found.counts, torch::kFloat64)
                     .unsqueeze(1); // [class, 1], for each dim
  found.means =
      moment(0).masked_fill(n == 0, std::numeric_limits<double>::quiet_NaN());
  found.stds =
      (moment(1) / (n - 1).clamp_min(1))
          .sqrt()
          .masked_fill(n == 0, std::numeric_limits<double>::quiet_NaN());
  found.magnitudes = moment(2) / n; // 0 / 0 is NaN
  return found;
}

} // namespace ma
