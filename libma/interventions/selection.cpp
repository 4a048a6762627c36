// Finding the entries of each kind of selection, row by row.
#include "libma/interventions/selection.h"

#include <algorithm>
#include <limits>
#include <set>

#include "libma/core/error.h"
#include "libma/core/magnitudes.h"
#include "libma/hooks/real_tokens.h"
#include "libma/interventions/random_draw.h"

namespace ma {
namespace {

using Indices = std::vector<std::int64_t>;

/// One row of the activation.
struct Row {
  const torch::Tensor& x; ///< [batch, pos, width], contiguous
  std::int64_t number;    ///< in the batch
  std::int64_t width;     ///< elements of a position
  const RealTokens& tokens;
  const HookSite& at;

  std::vector<ElementRange> elements() const {
    return tokens.elements(number, x.size(1), width);
  }
  std::int64_t size() const { return tokens.count * width; }
  std::int64_t flat(std::int64_t position, std::int64_t dim) const {
    return (number * x.size(1) + tokens.column(position)) * width + dim;
  }
};

/// `wanted` sorted, without repeats, negative ones counted from `size`; all of
/// [0, size) when empty.
std::set<std::int64_t> resolve(
    const Indices& wanted,
    std::int64_t size,
    const char* what,
    const HookSite& at) {
  std::set<std::int64_t> resolved;
  for (const std::int64_t index : wanted) {
    if (index < -size || index >= size) {
      throw ShapeError(
          at.name,
          c10::str(
              what,
              " ",
              index,
              " is outside a row with ",
              size,
              " of them; use ",
              -size,
              " to ",
              size - 1));
    }
    resolved.insert(index < 0 ? index + size : index);
  }
  for (std::int64_t index = 0; wanted.empty() && index < size; ++index) {
    resolved.insert(resolved.end(), index);
  }
  return resolved;
}

void select_explicit(
    const Selection& selection, const Row& row, Indices& found) {
  const auto dims = resolve(selection.dims, row.width, "dim", row.at);
  for (const std::int64_t position :
       resolve(selection.positions, row.tokens.count, "position", row.at)) {
    for (const std::int64_t dim : dims) {
      found.push_back(row.flat(position, dim));
    }
  }
}

void select_criterion(
    const Selection& selection, const Row& row, Indices& found) {
  const auto dims = resolve(selection.dims, row.width, "dim", row.at);
  const MagnitudeQuery query{
      .magnitude = selection.magnitude, .ratio = selection.ratio};
  for (const Entry& hit : scan_magnitudes(row.x, row.elements(), query).hits) {
    if (selection.dims.empty() || dims.contains(hit.index % row.width)) {
      found.push_back(hit.index);
    }
  }
}

void select_top(const Selection& selection, const Row& row, Indices& found) {
  const auto first = static_cast<std::ptrdiff_t>(found.size());
  const MagnitudeQuery query{.top = selection.count};
  for (const Entry& entry : scan_magnitudes(row.x, row.elements(), query).top) {
    found.push_back(entry.index);
  }
  std::sort(found.begin() + first, found.end());
}

void select_near_median(
    const Selection& selection, const Row& row, Indices& found) {
  const auto elements = row.elements();
  const double median = median_magnitude(row.x, elements);
  const auto nearest =
      nearest_magnitudes(row.x, elements, median, selection.count);
  found.insert(found.end(), nearest.begin(), nearest.end());
}

void select_random(const Selection& selection, const Row& row, Indices& found) {
  const auto stream = static_cast<std::uint64_t>(row.at.layer + 1);
  for (const std::int64_t number : draw_without_repeats(
           row.size(), selection.count, selection.seed, stream)) {
    found.push_back(row.flat(number / row.width, number % row.width));
  }
}

void select_row(const Selection& selection, const Row& row, Indices& found) {
  if (selection.count > row.size()) {
    throw ShapeError(
        row.at.name,
        c10::str(
            "cannot select ",
            selection.count,
            " entries in a row of ",
            row.size(),
            "; lower count"));
  }
  switch (selection.kind) {
    case SelectionKind::kExplicit:
      return select_explicit(selection, row, found);
    case SelectionKind::kCriterion:
      return select_criterion(selection, row, found);
    case SelectionKind::kTopK:
      return select_top(selection, row, found);
    case SelectionKind::kMedianMagnitude:
      return select_near_median(selection, row, found);
    case SelectionKind::kRandom:
      return select_random(selection, row, found);
  }
}

} // namespace

torch::Tensor select_entries(
    const Selection& selection, const torch::Tensor& x, const HookSite& at) {
  check_selection(selection, at.name);
  const bool has_positions =
      at.shape.empty() || at.shape.starts_with("[batch, pos, ");
  if (x.dim() < 3 || !has_positions || x.numel() == 0) {
    throw ShapeError(
        at.name,
        c10::str(
            "entries are selected in [batch, pos, d_model]; this is ",
            at.shape,
            " ",
            x.sizes()));
  }
  const auto tokens = real_tokens(at.batch, x.size(0), x.size(1), at.name);
  const auto contiguous = x.contiguous();
  Indices found;
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    const std::int64_t width = x.numel() / (x.size(0) * x.size(1));
    select_row(
        selection,
        {contiguous, row, width, tokens[static_cast<std::size_t>(row)], at},
        found);
  }
  return at::tensor(found, torch::kInt64).to(x.device());
}

bool is_prefix_stable(const Selection& selection) {
  const auto& positions = selection.positions;
  return selection.kind == SelectionKind::kExplicit &&
         std::all_of(
             positions.begin(), positions.end(), [](std::int64_t position) {
               return position >= 0;
             });
}

} // namespace ma
