// Averaging registers, and looking for massive entries in the averages.
#include "libma/analysis/register_means.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/magnitudes.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr const char* kWhere = "register means";

void check_means(const torch::Tensor& means) {
  if (!means.defined() || means.dim() != 3 || means.numel() == 0 ||
      !means.is_floating_point()) {
    throw ShapeError(
        kWhere,
        c10::str(
            "expected floating point [layer, register, d_model], got ",
            means.defined() ? c10::str(means.sizes()) : "nothing"));
  }
}

} // namespace

RegisterMeansAccumulator::RegisterMeansAccumulator(
    std::int64_t n_layers, std::int64_t first, std::int64_t n_registers)
    : first_(first),
      n_registers_(n_registers),
      sums_(static_cast<std::size_t>(n_layers)),
      images_(static_cast<std::size_t>(n_layers)) {
  if (n_registers < 1) {
    throw ConfigError(kWhere, "the model has no registers");
  }
}

void RegisterMeansAccumulator::observe(
    std::int64_t layer, const torch::Tensor& x) {
  const auto n_layers = static_cast<std::int64_t>(sums_.size());
  if (layer < 0 || layer >= n_layers || x.dim() != 3 ||
      x.size(1) < first_ + n_registers_) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at ",
            x.sizes(),
            " before block ",
            layer,
            " of ",
            n_layers,
            "; expected [batch, pos, d_model] with registers at positions ",
            first_,
            " to ",
            first_ + n_registers_ - 1));
  }
  const auto at = static_cast<std::size_t>(layer);
  // The registers alone become float64.
  const auto sum = x.narrow(/*dim=*/1, first_, n_registers_)
                       .to(torch::kCPU, torch::kFloat64)
                       .sum(/*dim=*/0); // [register, d_model]
  sums_[at] = sums_[at].defined() ? sums_[at] + sum : sum;
  images_[at] += x.size(0);
}

RegisterMeans RegisterMeansAccumulator::finish() const {
  std::vector<torch::Tensor> means;
  for (std::size_t layer = 0; layer < sums_.size(); ++layer) {
    if (images_[layer] == 0 || images_[layer] != images_.front()) {
      throw ShapeError(
          kWhere,
          "no images were seen, or not the same number before each block");
    }
    means.push_back((sums_[layer] / images_[layer]).to(torch::kFloat32));
  }
  return {.means = at::stack(means), .n_images = images_.front()};
}

std::vector<RegisterSummary> summarize(
    const RegisterMeans& means,
    const MassiveCriterion& criterion,
    std::int64_t top) {
  check_means(means.means);
  if (top < 1) {
    throw ConfigError(
        kWhere, c10::str("option 'top' is ", top, "; give 1 or more"));
  }
  const auto x = means.means.to(torch::kCPU).contiguous();
  const auto d_model = x.size(2);
  const auto size = x.size(1) * d_model;
  std::vector<RegisterSummary> summaries;
  for (std::int64_t layer = 0; layer < x.size(0); ++layer) {
    const auto found = scan_magnitudes(
        x, {{layer * size, (layer + 1) * size}}, {.top = std::min(top, size)});
    RegisterSummary summary{.layer = layer, .median = found.median};
    for (const Entry& entry : found.top) {
      const auto at = entry.index - layer * size;
      summary.top.push_back({at / d_model, at % d_model, entry.value});
    }
    const double largest = std::abs(found.top.front().value);
    summary.max_over_median = largest / found.median;
    summary.meets_criterion = largest > criterion.magnitude &&
                              largest > criterion.ratio * found.median;
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

Table register_means_table(
    const RegisterMeans& means,
    const MassiveCriterion& criterion,
    std::int64_t top) {
  const auto summaries = summarize(means, criterion, top);
  const auto n_top = summaries.front().top.size();
  std::vector<Column> columns = {block_column()};
  for (std::size_t i = 1; i <= n_top; ++i) {
    const auto which = "top " + std::to_string(i);
    columns.push_back({.name = which + " token"});
    columns.push_back(index_column(which + " dim"));
    columns.push_back({.name = which});
  }
  columns.push_back({.name = "median", .digits = 4});
  columns.push_back({.name = "max / median"});
  columns.push_back({.name = "massive"});
  Table table(std::move(columns));
  for (const RegisterSummary& summary : summaries) {
    std::vector<Cell> cells = {summary.layer};
    for (const RegisterEntry& entry : summary.top) {
      cells.emplace_back("register:" + std::to_string(entry.register_index));
      cells.emplace_back(entry.dim);
      cells.emplace_back(entry.value);
    }
    cells.emplace_back(summary.median);
    cells.emplace_back(summary.max_over_median);
    cells.emplace_back(std::string(summary.meets_criterion ? "yes" : "no"));
    table.add_row(std::move(cells));
  }
  return table;
}

} // namespace ma
