// Runs of true values in the rows of a mask.
#include "libma/hooks/real_tokens.h"

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

std::vector<ElementRange> RealTokens::elements(
    std::int64_t row, std::int64_t n_pos, std::int64_t width) const {
  std::vector<ElementRange> elements;
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
  if (batch == nullptr || !batch->mask.defined()) {
    return std::vector<RealTokens>(
        static_cast<std::size_t>(n_rows), {{{0, n_pos}}, n_pos});
  }
  const auto mask = batch->mask.to(torch::kCPU, torch::kBool).contiguous();
  if (mask.dim() != 2 || mask.size(0) != n_rows || mask.size(1) != n_pos) {
    throw ShapeError(
        where,
        c10::str(
            "the mask is ",
            mask.sizes(),
            "; the activation needs [",
            n_rows,
            ", ",
            n_pos,
            "]"));
  }
  std::vector<RealTokens> rows;
  for (std::int64_t row = 0; row < n_rows; ++row) {
    rows.push_back(runs_of(mask.const_data_ptr<bool>() + row * n_pos, n_pos));
    if (rows.back().count == 0) {
      throw ShapeError(
          where,
          c10::str(
              "row ", row, " has no real token; give each row at least one"));
    }
  }
  return rows;
}

} // namespace ma
