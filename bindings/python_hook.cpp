// Calls Python from within a pass that has released the GIL.
#include "bindings/python_hook.h"

#include "bindings/held_function.h"
#include <torch/csrc/autograd/python_variable.h>

#include "libma/core/error.h"

namespace ma::python {
HookFn python_hook(const py::function& fn) {
  return [held = hold(fn)](
             const torch::Tensor& x, const HookSite& at) -> torch::Tensor {
    const py::gil_scoped_acquire gil;
    const py::object result = (*held)(x, Site(at));
    if (result.is_none()) {
      return {};
    }
    if (!THPVariable_Check(result.ptr())) {
      throw ShapeError(
          at.name,
          c10::str(
              "a hook returned ",
              Py_TYPE(result.ptr())->tp_name,
              "; expected a tensor of shape ",
              at.shape));
    }
    return result.cast<torch::Tensor>();
  };
}

} // namespace ma::python
