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
  const torch::Tensor& x;   ///< [batch, pos, width], contiguous
  std::int64_t number;      ///< in the batch
  std::int64_t width;       ///< elements of a position
  const RealTokens& tokens; ///< those that may be selected
  const HookSite& at;

  std::vector<ElementRange> elements() const {
    return tokens.elements(number, x.size(1), width);
  }
  std::int64_t size() const { return tokens.count * width; }
  std::int64_t flat(std::int64_t token, std::int64_t dim) const {
    return (number * x.size(1) + tokens.column(token)) * width + dim;
  }
};

/// The selection's dims, sorted, without repeats, negative ones counted from
/// the end; all of them when it names none.
std::set<std::int64_t> resolve_dims(const Indices& wanted, const Row& row) {
  std::set<std::int64_t> resolved;
  for (const std::int64_t dim : wanted) {
    if (dim < -row.width || dim >= row.width) {
      throw ShapeError(
          row.at.name,
          c10::str(
              "dim ",
              dim,
              " is outside a row with ",
              row.width,
              " of them; use ",
              -row.width,
              " to ",
              row.width - 1));
    }
    resolved.insert(dim < 0 ? dim + row.width : dim);
  }
  for (std::int64_t dim = 0; wanted.empty() && dim < row.width; ++dim) {
    resolved.insert(resolved.end(), dim);
  }
  return resolved;
}

void select_explicit(
    const Selection& selection, const Row& row, Indices& found) {
  const auto dims = resolve_dims(selection.dims, row);
  for (std::int64_t token = 0; token < row.tokens.count; ++token) {
    for (const std::int64_t dim : dims) {
      found.push_back(row.flat(token, dim));
    }
  }
}

void select_criterion(
    const Selection& selection, const Row& row, Indices& found) {
  const auto dims = resolve_dims(selection.dims, row);
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
  auto tokens = real_tokens(at.batch, x.size(0), x.size(1), at.name);
  const auto contiguous = x.contiguous();
  Indices found;
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    const std::int64_t width = x.numel() / (x.size(0) * x.size(1));
    RealTokens& candidates = tokens[static_cast<std::size_t>(row)];
    if (!selection.positions.empty()) {
      candidates = candidates.only(selection.positions, at.name);
    }
    if (candidates.count > 0) {
      select_row(selection, {contiguous, row, width, candidates, at}, found);
    }
  }
  return at::tensor(found, torch::kInt64).to(x.device());
}

bool is_prefix_stable(const Selection& selection) {
  const auto& positions = selection.positions;
  const bool needs_no_row =
      selection.kind == SelectionKind::kExplicit || !positions.empty();
  return needs_no_row &&
         std::all_of(
             positions.begin(), positions.end(), [](std::int64_t position) {
               return position >= 0;
             });
}

} // namespace ma
