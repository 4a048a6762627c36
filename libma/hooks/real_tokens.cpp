// Runs of true values in the rows of a mask.
#include "libma/hooks/real_tokens.h"

#include <map>
#include <set>

#include "libma/core/error.h"

namespace ma {
namespace {

RealTokens runs_of(const bool* mask, std::int64_t n_pos) {
  RealTokens tokens;
  for (std::int64_t column = 0; column < n_pos; ++column) {
    if (!mask[column]) {
      continue;
    }
    if (column == 0 || !mask[column - 1]) {
      tokens.runs.push_back({column, column});
    }
    tokens.runs.back().last = column + 1;
    ++tokens.count;
  }
  return tokens;
}

/// The mask or the positions of a batch, if it has any.
torch::Tensor on_cpu(
    const torch::Tensor& part,
    torch::ScalarType dtype,
    const std::vector<RealTokens>& rows,
    std::int64_t n_pos,
    std::string_view where) {
  if (!part.defined()) {
    return {};
  }
  const auto n_rows = static_cast<std::int64_t>(rows.size());
  if (part.dim() != 2 || part.size(0) != n_rows || part.size(1) != n_pos) {
    throw ShapeError(
        where,
        c10::str(
            dtype == torch::kBool ? "the mask is " : "positions are ",
            part.sizes(),
            "; the activation needs [",
            n_rows,
            ", ",
            n_pos,
            "]"));
  }
  return part.to(torch::kCPU, dtype).contiguous();
}

} // namespace

std::int64_t RealTokens::column(std::int64_t position) const {
  for (const ElementRange& run : runs) {
    if (position < run.last - run.first) {
      return run.first + position;
    }
    position -= run.last - run.first;
  }
  return -1;
}

RealTokens RealTokens::only(
    const std::vector<std::int64_t>& positions, std::string_view where) const {
  std::map<std::int64_t, std::vector<std::int64_t>> columns; // by position
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = column(i);
    columns[places.empty() ? i : places[static_cast<std::size_t>(at)]]
        .push_back(at);
  }
  const auto first = columns.begin()->first;
  const auto last = columns.rbegin()->first;
  std::set<std::int64_t> wanted;
  for (const std::int64_t position : positions) {
    const auto resolved = position < 0 ? position + last + 1 : position;
    if (resolved < 0 || resolved > last) {
      throw ShapeError(
          where,
          c10::str(
              "position ",
              position,
              " is outside a row with ",
              last + 1,
              " of them; use ",
              -last - 1,
              " to ",
              last));
    }
    if (resolved >= first) {
      const auto& there = columns[resolved];
      wanted.insert(there.begin(), there.end());
    }
  }
  RealTokens kept;
  for (const std::int64_t at : wanted) {
    kept.runs.push_back({at, at + 1});
  }
  kept.count = static_cast<std::int64_t>(wanted.size());
  return kept;
}

std::vector<ElementRange> RealTokens::elements(
    std::int64_t row, std::int64_t n_pos, std::int64_t width) const {
  std::vector<ElementRange> elements;
  elements.reserve(runs.size());
  for (const ElementRange& run : runs) {
    elements.push_back(
        {(row * n_pos + run.first) * width, (row * n_pos + run.last) * width});
  }
  return elements;
}

std::vector<RealTokens> real_tokens(
    const TokenBatch* batch,
    std::int64_t n_rows,
    std::int64_t n_pos,
    std::string_view where) {
  std::vector<RealTokens> rows(
      static_cast<std::size_t>(n_rows), {{{0, n_pos}}, n_pos});
  if (batch == nullptr) {
    return rows;
  }
  const auto mask = on_cpu(batch->mask, torch::kBool, rows, n_pos, where);
  const auto places =
      on_cpu(batch->positions, torch::kInt64, rows, n_pos, where);
  for (std::int64_t row = 0; row < n_rows; ++row) {
    RealTokens& tokens = rows[static_cast<std::size_t>(row)];
    if (mask.defined()) {
      tokens = runs_of(mask.const_data_ptr<bool>() + row * n_pos, n_pos);
    }
    if (tokens.count == 0) {
      throw ShapeError(
          where,
          c10::str(
              "row ", row, " has no real token; give each row at least one"));
    }
    if (places.defined()) {
      const auto* first = places.const_data_ptr<std::int64_t>() + row * n_pos;
      tokens.places.assign(first, first + n_pos);
    }
  }
  return rows;
}

} // namespace ma
