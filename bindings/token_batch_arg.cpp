// Conversion of Python's forms of token ids.
#include "bindings/token_batch_arg.h"

#include <cstdint>
#include <vector>

#include <torch/csrc/autograd/python_variable.h>

#include "libma/core/error.h"

namespace ma::python {
namespace {

using Row = std::vector<std::int64_t>;

bool load_row(py::handle source, Row& row) {
  py::detail::make_caster<Row> caster;
  if (!caster.load(source, /*convert=*/false)) {
    return false;
  }
  row = py::detail::cast_op<Row&&>(std::move(caster));
  return true;
}

torch::Tensor stack(const std::vector<Row>& rows) {
  const auto n_rows = static_cast<std::int64_t>(rows.size());
  const auto length = static_cast<std::int64_t>(rows.front().size());
  auto ids = at::empty({n_rows, length}, torch::kInt64);
  for (std::int64_t i = 0; i < n_rows; ++i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    if (static_cast<std::int64_t>(row.size()) != length) {
      throw ShapeError(
          "ids",
          c10::str(
              "row ",
              i,
              " has ",
              row.size(),
              " ids, row 0 has ",
              length,
              "; pad the rows and give a mask"));
    }
    ids[i].copy_(at::tensor(row, torch::kInt64));
  }
  return ids;
}

} // namespace

bool load_token_ids(py::handle source, TokenIds& ids) {
  if (py::isinstance<TokenBatch>(source)) {
    ids.batch = source.cast<TokenBatch>();
    return true;
  }
  if (THPVariable_Check(source.ptr())) {
    ids.batch = TokenBatch(source.cast<torch::Tensor>());
    return true;
  }
  if (Row row; load_row(source, row)) {
    ids.batch = TokenBatch(at::tensor(row, torch::kInt64));
    return true;
  }
  if (!py::isinstance<py::sequence>(source) ||
      py::isinstance<py::str>(source)) {
    return false;
  }
  std::vector<Row> rows;
  for (const py::handle item : source) {
    if (!load_row(item, rows.emplace_back())) {
      return false;
    }
  }
  ids.batch = TokenBatch(stack(rows));
  return true;
}

TokenBatch make_batch(
    const TokenIds& ids, const std::optional<torch::Tensor>& mask) {
  if (!mask) {
    return ids.batch;
  }
  if (ids.batch.mask.defined()) {
    throw ShapeError(
        "mask", "ids is a TokenBatch that has a mask already; give only one");
  }
  return {ids.batch.ids, *mask};
}

} // namespace ma::python
