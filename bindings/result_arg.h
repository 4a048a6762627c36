// A Python callable that gets results as they come.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "bindings/held_function.h"
#include <torch/csrc/utils/pybind.h>

namespace ma::python {

/// Wraps `fn(index, result)`; what it raises stops the work and arrives at the
/// caller. None: no callback.
template <class Result>
std::function<void(std::size_t, const Result&)> result_fn(
    const std::optional<py::function>& fn) {
  if (!fn) {
    return {};
  }
  return [held = hold(*fn)](std::size_t index, const Result& result) {
    const py::gil_scoped_acquire gil;
    (*held)(index, result);
  };
}

} // namespace ma::python
