// Token ids as Python has them: a TokenBatch, a tensor, or lists.
#pragma once

#include <optional>

#include <torch/csrc/utils/pybind.h>

#include "libma/hooks/hook_point.h"

namespace ma::python {

/// An argument `ids`: int64 [pos] or [batch, pos], a list of ids, a list of
/// rows of equal length, or a TokenBatch.
struct TokenIds {
  TokenBatch batch;
};

/// `ids` with padding. Throws ShapeError when `ids` is a TokenBatch and `mask`
/// is given too.
TokenBatch make_batch(
    const TokenIds& ids, const std::optional<torch::Tensor>& mask);

/// Converts `source` when it is one of the four forms. Throws ShapeError when
/// rows differ in length.
bool load_token_ids(py::handle source, TokenIds& ids);

} // namespace ma::python

namespace pybind11::detail {

template <>
struct type_caster<ma::python::TokenIds> {
  PYBIND11_TYPE_CASTER(
      ma::python::TokenIds,
      const_name(
          "TokenBatch | torch.Tensor | collections.abc.Sequence[int] | "
          "collections.abc.Sequence[collections.abc.Sequence[int]]"));

  bool load(handle source, bool /*convert*/) {
    return ma::python::load_token_ids(source, value);
  }
};

} // namespace pybind11::detail
