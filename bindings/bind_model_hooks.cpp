// Hooks on a model: registration, handles, interventions as hooks.
#include <algorithm>
#include <string>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/bound_model.h"
#include "bindings/python_hook.h"

#include "libma/interventions/intervention.h"
#include "libma/models/vision_model.h"

namespace ma::python {
namespace {

/// What Python gets from `add_hook`.
class Handle {
 public:
  template <class Loaded>
  Handle(const Bound<Loaded>& model, const std::string& pattern, HookFn fn)
      : registrations_(model.registrations) {
    hook_ = run_alone(model, [&] {
      auto hook =
          std::make_shared<HookHandle>(model.add_hook(pattern, std::move(fn)));
      registrations_->hooks.push_back(hook);
      return hook;
    });
  }

  void remove() {
    run_alone(*registrations_, [&] {
      registrations_->hooks.remove(hook_);
      hook_->remove();
    });
  }

 private:
  std::shared_ptr<Registrations> registrations_;
  std::shared_ptr<HookHandle> hook_;
};

void bind_handle(py::module_& m) {
  py::class_<Handle>(
      m,
      "HookHandle",
      R"(A registered hook. The hook stays until `remove()`, or until a `with` block ends.

Example:
    >>> handle = model.add_hook("blocks.0.mlp_out", lambda x, at: torch.zeros_like(x))
    >>> handle.remove()
)")
      .def(
          "remove",
          &Handle::remove,
          "Takes the hook away. Does nothing the second time.")
      .def(
          "__enter__",
          [](Handle& self) -> Handle& { return self; },
          py::return_value_policy::reference_internal)
      .def("__exit__", [](Handle& self, const py::args& /*error*/) {
        self.remove();
      });
}

template <class Loaded>
void bind_methods(py::class_<Loaded>& model) {
  model
      .def(
          "add_hook",
          [](const Loaded& self, const Intervention& edit) {
            return Handle(
                self,
                edit.site(),
                [edit](const torch::Tensor& x, const HookSite& at) {
                  return edit(x, at);
                });
          },
          py::arg("intervention"))
      .def(
          "add_hook",
          [](const Loaded& self,
             const std::string& pattern,
             const Intervention& edit) {
            return Handle(
                self,
                pattern,
                [edit](const torch::Tensor& x, const HookSite& at) {
                  return edit(x, at);
                });
          },
          py::arg("pattern"),
          py::arg("fn"))
      .def(
          "add_hook",
          [](const Loaded& self,
             const std::string& pattern,
             const py::typing::Callable<torch::Tensor(torch::Tensor, Site)>&
                 fn) { return Handle(self, pattern, python_hook(fn)); },
          py::arg("pattern"),
          py::arg("fn"),
          R"(Registers a hook at every point that matches `pattern`. Hooks at a point run in order of registration.

Args:
    pattern: Hook name; `*` stands for one dot-separated part. Left out for an Intervention: its own site.
    fn: Called as `fn(x, at)` with the activation and a HookSite; returns the activation to use: `x` itself to
        only read, a new tensor of the same shape, dtype and device to replace it. Or an Intervention.

Returns:
    A handle; the hook stays until its `remove()` or the end of a `with` block.

Raises:
    UnknownNameError: When the pattern matches nothing; the message offers the nearest names.
    ShapeError: In the pass, when the hook changes shape, dtype or device, writes in place or returns no tensor.

Example:
    >>> with model.add_hook("blocks.1.resid_post", lambda x, at: x.clamp(-1, 1)):
    ...     _, cache = model.run_with_cache([1, 2, 3], ["blocks.1.resid_post"])
    >>> bool(cache["blocks.1.resid_post"].abs().max() <= 1)
    True
)")
      .def(
          "remove_hooks",
          [](const Loaded& self) {
            run_alone(self, [&] {
              for (const auto& hook :
                   std::exchange(self.registrations->hooks, {})) {
                hook->remove();
              }
            });
          },
          R"(Removes every hook that Python has registered.

Example:
    >>> _ = model.add_hook("embed", lambda x, at: x)
    >>> model.remove_hooks()
)")
      .def(
          "hook_names",
          [](const Loaded& self) { return self.hook_names(); },
          R"(Names of all hook points in forward order.

Example:
    >>> model.hook_names()[:2]
    ['embed', 'blocks.0.resid_pre']
)");
}

} // namespace

void bind_model_hooks(
    py::module_& m,
    py::class_<BoundModel>& model,
    py::class_<BoundVisionModel>& vision_model) {
  bind_handle(m);
  bind_methods(model);
  bind_methods(vision_model);
}

} // namespace ma::python
