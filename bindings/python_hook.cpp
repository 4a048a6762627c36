// Calls Python from within a pass that has released the GIL.
#include "bindings/python_hook.h"

#include <torch/csrc/autograd/python_variable.h>

#include <utility>

#include "libma/core/error.h"

namespace ma::python {
namespace {

/// A reference that may be dropped on a thread without the GIL.
std::shared_ptr<py::function> hold(const py::function& fn) {
  return {new py::function(fn), [](py::function* held) {
            if (Py_IsInitialized() == 0) {
              held->release(); // the interpreter is gone, and its objects with it
              delete held;
              return;
            }
            const py::gil_scoped_acquire gil;
            delete held;
          }};
}

}  // namespace

HookFn python_hook(const py::function& fn) {
  return [held = hold(fn)](const torch::Tensor& x, const HookSite& at) -> torch::Tensor {
    const py::gil_scoped_acquire gil;
    const py::object result = (*held)(x, Site(at));
    if (result.is_none()) {
      return {};
    }
    if (!THPVariable_Check(result.ptr())) {
      throw ShapeError(
          at.name, c10::str("a hook returned ", Py_TYPE(result.ptr())->tp_name, "; expected a tensor of shape ", at.shape));
    }
    return result.cast<torch::Tensor>();
  };
}

}  // namespace ma::python
