// A Python callable as a progress callback.
#pragma once

#include <optional>

#include <torch/csrc/utils/pybind.h>

#include "libma/core/progress.h"

namespace ma::python {

/// Wraps `progress(stage, done, total)`; what it raises stops the work and
/// arrives at the caller. None: no callback.
ProgressFn progress_fn(const std::optional<py::function>& fn);

} // namespace ma::python
