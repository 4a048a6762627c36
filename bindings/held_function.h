// A Python function that C++ may drop without the GIL.
#pragma once

#include <memory>

#include <torch/csrc/utils/pybind.h>

namespace ma::python {

/// A reference to `fn` whose last owner may be on a thread without the GIL.
/// Call it only with the GIL.
inline std::shared_ptr<py::function> hold(const py::function& fn) {
  return {
      new py::function(fn), [](py::function* held) {
        if (Py_IsInitialized() == 0) {
          held->release(); // the interpreter is gone, and its objects with it
          delete held;
          return;
        }
        const py::gil_scoped_acquire gil;
        delete held;
      }};
}

} // namespace ma::python
