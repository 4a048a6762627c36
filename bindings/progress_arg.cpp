// Progress is reported from work that has released the GIL.
#include "bindings/progress_arg.h"

#include "bindings/held_function.h"

namespace ma::python {

ProgressFn progress_fn(const std::optional<py::function>& fn) {
  if (!fn) {
    return [](const Progress&) {
      const py::gil_scoped_acquire gil;
      if (PyErr_CheckSignals() !=
          0) { // Ctrl-C stops a run that nobody watches, too
        throw py::error_already_set();
      }
    };
  }
  return [held = hold(*fn)](const Progress& progress) {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) {
      throw py::error_already_set();
    }
    (*held)(progress.stage, progress.done, progress.total);
  };
}

} // namespace ma::python
