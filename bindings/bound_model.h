// A model as Python holds it: with a lock, because passes run without the GIL,
// and with the hooks that Python registered.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include <torch/csrc/utils/pybind.h>

#include "libma/models/model.h"

namespace ma {
class VisionModel; // who uses it includes its header
}

namespace ma::python {

/// Hooks live here until they are removed, whether or not Python keeps their
/// handles.
struct Registrations {
  std::recursive_mutex mutex; ///< held during a pass; recursive, because a hook
                              ///< may run another one
  std::list<std::shared_ptr<HookHandle>> hooks;
};

template <class Loaded>
struct Bound : Loaded {
  explicit Bound(Loaded model) : Loaded(std::move(model)) {}

  std::shared_ptr<Registrations> registrations =
      std::make_shared<Registrations>();
};

using BoundModel = Bound<Model>;
using BoundVisionModel = Bound<VisionModel>;

/// Runs `work` without the GIL and with the model to itself. The GIL goes
/// first: who holds the lock may need it for a hook.
template <class Work>
auto run_alone(Registrations& registrations, Work&& work) {
  const py::gil_scoped_release released;
  const std::scoped_lock lock(registrations.mutex);
  return std::forward<Work>(work)();
}

template <class Loaded, class Work>
auto run_alone(const Bound<Loaded>& model, Work&& work) {
  return run_alone(*model.registrations, std::forward<Work>(work));
}

} // namespace ma::python
