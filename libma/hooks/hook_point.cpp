// Calling hooks, and the checks that keep a hook from silently breaking a pass.
#include "libma/hooks/hook_point.h"

#include <algorithm>

#include "libma/core/error.h"

namespace ma {
namespace {

std::string describe(const torch::Tensor& x) {
  return c10::str(x.scalar_type(), " ", x.sizes(), " on ", x.device());
}

} // namespace

TokenBatch::TokenBatch(torch::Tensor ids_in, torch::Tensor mask_in)
    : ids(std::move(ids_in)), mask(std::move(mask_in)) {
  if (!ids.defined()) {
    return;
  }
  if (ids.dim() == 1) {
    ids = ids.unsqueeze(0); // [batch, pos]
  }
  if (ids.dim() != 2 || ids.scalar_type() != torch::kInt64 ||
      ids.size(1) == 0) {
    throw ShapeError(
        "ids",
        c10::str(
            "expected int64 [batch, pos] with pos >= 1, got ", describe(ids)));
  }
  if (mask.defined()) {
    if (mask.dim() == 1) {
      mask = mask.unsqueeze(0);
    }
    mask = mask.to(torch::kBool);
    if (mask.sizes() != ids.sizes()) {
      throw ShapeError(
          "mask",
          c10::str(
              "expected the shape of ids, ",
              ids.sizes(),
              ", got ",
              mask.sizes()));
    }
    if (!mask.any(/*dim=*/1).all().item<bool>()) {
      throw ShapeError(
          "mask", "a row has no real token; give each row at least one");
    }
    if (mask.all().item<bool>()) {
      mask = torch::Tensor();
    }
  }
}

TokenBatch TokenBatch::to(torch::Device device) const {
  TokenBatch moved = *this;
  for (torch::Tensor* part :
       {&moved.ids,
        &moved.mask,
        &moved.pixels,
        &moved.positions,
        &moved.visible,
        &moved.key_positions}) {
    if (part->defined()) {
      *part = part->to(device);
    }
  }
  return moved;
}

std::vector<std::int64_t> first_positions(
    const TokenBatch& batch, std::int64_t n_rows) {
  std::vector<std::int64_t> first(static_cast<std::size_t>(n_rows), 0);
  if (batch.mask.defined()) {
    const auto column =
        batch.mask.to(torch::kInt64).argmax(/*dim=*/1).to(torch::kCPU);
    std::copy_n(
        column.const_data_ptr<std::int64_t>(), first.size(), first.begin());
  }
  return first;
}

torch::Tensor call_hook(
    const HookFn& fn, const torch::Tensor& x, const HookSite& site) {
  const auto version = x._version();
  torch::Tensor result = fn(x, site);
  if (x._version() != version) {
    throw ShapeError(
        site.name,
        "a hook wrote to its input in place; return a new tensor instead "
        "(clone first)");
  }
  if (!result.defined()) {
    throw ShapeError(
        site.name,
        "a hook returned no tensor; return x to leave the activation as it is");
  }
  if (result.sizes() != x.sizes() || result.scalar_type() != x.scalar_type() ||
      result.device() != x.device()) {
    throw ShapeError(
        site.name,
        c10::str(
            "a hook returned ",
            describe(result),
            "; expected ",
            describe(x),
            " as ",
            site.shape));
  }
  return result;
}

torch::Tensor HookPoint::run(torch::Tensor x) const {
  const auto entries = entries_; // a hook may remove itself or others
  for (const Entry& entry : entries) {
    x = call_hook(*entry.fn, x, site_);
  }
  return x;
}

void HookPoint::remove(std::uint64_t id) {
  std::erase_if(entries_, [id](const Entry& entry) { return entry.id == id; });
}

} // namespace ma
