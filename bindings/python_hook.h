// A Python callable as a hook.
#pragma once

#include <memory>
#include <optional>

#include <torch/csrc/utils/pybind.h>

#include "libma/hooks/hook_point.h"

namespace ma::python {

/// What a Python hook receives as `at`: a HookSite that owns its tokens, so
/// that it may be kept.
struct Site : HookSite {
  explicit Site(const HookSite& at)
      : HookSite(at), tokens(at.batch != nullptr ? *at.batch : TokenBatch()) {
    batch = nullptr;
  }

  /// The site as C++ sees it, pointing to this object's tokens.
  HookSite get() const {
    HookSite site = *this;
    site.batch = tokens.ids.defined() ? &tokens : nullptr;
    return site;
  }

  TokenBatch tokens;
};

/// Wraps `fn(x, at)`: takes the GIL for the call, and lets a Python exception
/// pass through C++ as it is.
HookFn python_hook(const py::function& fn);

} // namespace ma::python
