// TokenBatch, HookSite, ActivationCache and the catalogue of hook names.
#include "bindings/bindings.h"
#include "bindings/python_hook.h"
#include "bindings/token_batch_arg.h"

#include "libma/hooks/activation_cache.h"
#include "libma/hooks/hook_names.h"

namespace ma::python {
namespace {

std::optional<torch::Tensor> optional(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

void bind_token_batch(py::module_& m) {
  py::class_<TokenBatch>(m, "TokenBatch", R"(Token ids of a pass, with padding.

Args:
    ids: int64 [batch, pos] or [pos], or lists of ids.
    mask: Of the same shape, nonzero at real tokens, zero at padding; None when all are real.

Raises:
    ShapeError: When the shapes differ, ids are not int64, or a row has no real token.

Example:
    >>> ma.TokenBatch([[5, 6, 7], [0, 8, 9]], mask=torch.tensor([[1, 1, 1], [0, 1, 1]]))
    TokenBatch(batch=2, pos=3, padding=1)
)")
      .def(
          py::init([](const TokenIds& ids,
                      const std::optional<torch::Tensor>& mask) {
            return make_batch(ids, mask);
          }),
          py::arg("ids"),
          py::arg("mask") = py::none())
      .def_property_readonly(
          "ids",
          [](const TokenBatch& self) { return optional(self.ids); },
          "int64 [batch, pos].")
      .def_property_readonly(
          "mask",
          [](const TokenBatch& self) { return optional(self.mask); },
          "bool [batch, pos], true at real tokens; None when all are real.")
      .def_property_readonly(
          "positions",
          [](const TokenBatch& self) { return optional(self.positions); },
          "int64 [batch, pos], each token's place in its sequence from 0; None "
          "when a row is one sequence from its first real token.")
      .def_property_readonly(
          "pixels",
          [](const TokenBatch& self) { return optional(self.pixels); },
          "float [batch, channel, height, width] of a vision model's pass, "
          "which has no ids; else None.")
      .def_property_readonly(
          "visible",
          [](const TokenBatch& self) { return optional(self.visible); },
          "bool [batch, query_pos, key_pos], the keys that a token sees; None "
          "when those are the row's real tokens up to itself.")
      .def("__repr__", [](const TokenBatch& self) {
        if (!self.ids.defined()) {
          return c10::str(
              "TokenBatch(pixels=",
              self.pixels.defined() ? c10::str(self.pixels.sizes()) : "None",
              ")");
        }
        const auto padding =
            self.mask.defined()
                ? self.mask.logical_not().sum().item<std::int64_t>()
                : 0;
        return c10::str(
            "TokenBatch(batch=",
            self.ids.size(0),
            ", pos=",
            self.ids.size(1),
            ", padding=",
            padding,
            ")");
      });
}

void bind_site(py::module_& m) {
  py::class_<Site>(
      m,
      "HookSite",
      R"(Where a hook is being called; the second argument of every hook.

Example:
    >>> seen = []
    >>> def note(x, at):
    ...     seen.append((at.name, at.kind, at.layer, at.shape))
    ...     return x
    >>> with model.add_hook("blocks.1.resid_post", note):
    ...     _ = model.forward([1, 2, 3])
    >>> seen
    [('blocks.1.resid_post', 'resid_post', 1, '[batch, pos, d_model]')]
)")
      .def_property_readonly(
          "name",
          [](const Site& self) { return self.name; },
          "\"blocks.11.resid_post\".")
      .def_property_readonly(
          "kind",
          [](const Site& self) { return self.kind; },
          "The name without `blocks.{i}.`.")
      .def_property_readonly(
          "layer",
          [](const Site& self) { return self.layer; },
          "0-based block; -1 outside the blocks.")
      .def_property_readonly(
          "shape",
          [](const Site& self) { return self.shape; },
          "The documented shape.")
      .def_property_readonly(
          "batch",
          [](const Site& self) {
            return self.tokens.ids.defined() ? std::optional(self.tokens)
                                             : std::nullopt;
          },
          "The tokens of the pass; None when it started from a stream without "
          "them.")
      .def("__repr__", [](const Site& self) {
        return c10::str("HookSite('", self.name, "', ", self.shape, ")");
      });
}

void bind_cache(py::module_& m) {
  py::class_<ActivationCache>(
      m,
      "ActivationCache",
      R"(Activations that `run_with_cache` kept, a mapping from hook name to tensor.

Tensors are the pass's own, not copies: the cache holds their memory.

Example:
    >>> _, cache = model.run_with_cache([1, 2, 3], ["blocks.*.resid_post"])
    >>> list(cache)
    ['blocks.0.resid_post', 'blocks.1.resid_post']
    >>> cache["blocks.1.resid_post"].shape  # [batch, pos, d_model]
    torch.Size([1, 3, 32])
)")
      .def("__getitem__", &ActivationCache::operator[], py::arg("name"))
      .def("__contains__", &ActivationCache::contains, py::arg("name"))
      .def("__len__", &ActivationCache::size)
      .def(
          "__iter__",
          [](const ActivationCache& self) {
            return py::iter(py::cast(self.names()));
          })
      .def("keys", &ActivationCache::names, "Kept names in forward order.")
      .def(
          "items",
          [](const ActivationCache& self) {
            std::vector<std::pair<std::string, torch::Tensor>> items;
            for (const std::string& name : self.names()) {
              items.emplace_back(name, self[name]);
            }
            return items;
          },
          "Names and activations in forward order.")
      .def_property_readonly(
          "bytes", &ActivationCache::bytes, "Bytes of all kept tensors.")
      .def("__repr__", [](const ActivationCache& self) {
        return c10::str(
            "ActivationCache(",
            self.size(),
            " activations, ",
            self.bytes(),
            " bytes)");
      });
}

} // namespace

void bind_hooks(py::module_& m) {
  bind_token_batch(m);
  bind_site(m);
  bind_cache(m);
  m.def(
      "hook_catalogue",
      [] {
        std::vector<std::tuple<std::string, std::string, std::string>> rows;
        for (const HookName& entry : hook_catalogue()) {
          rows.emplace_back(entry.name, entry.shape, entry.meaning);
        }
        return rows;
      },
      R"(Every hook name that an architecture may offer: (name, shape, meaning), in the order of a forward pass.

Example:
    >>> ma.hook_catalogue()[0]
    ('embed', '[batch, pos, d_model]', 'token or patch embedding')
)");
}

} // namespace ma::python
