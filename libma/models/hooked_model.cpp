// Argument checks and caching of all models.
#include "libma/models/hooked_model.h"

#include <ATen/core/grad_mode.h>

#include "libma/core/error.h"

namespace ma {

HookedModel::HookedModel(
    std::shared_ptr<HookTable> hooks,
    torch::TensorOptions options,
    std::vector<std::filesystem::path> files)
    : hooks_(std::move(hooks)), options_(options), files_(std::move(files)) {}

void HookedModel::check_stream(
    const char* where, const torch::Tensor& x) const {
  if (x.dim() != 3 || x.size(2) != config().d_model ||
      x.scalar_type() != dtype()) {
    throw ShapeError(
        where,
        c10::str(
            "expected ",
            dtype(),
            " [batch, pos, ",
            config().d_model,
            "], got ",
            x.scalar_type(),
            " ",
            x.sizes()));
  }
}

torch::Tensor HookedModel::run_blocks(
    const torch::Tensor& x,
    std::int64_t first,
    std::int64_t last,
    const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  if (first < 0 || first > last || last > config().n_layers) {
    throw ShapeError(
        "run_blocks",
        c10::str(
            "blocks [",
            first,
            ", ",
            last,
            ") are not within [0, ",
            config().n_layers,
            ")"));
  }
  check_stream("run_blocks", x);
  const TokenBatch moved = batch.to(device());
  const auto guard = hooks_->use_batch(moved);
  return run_network(x, first, last, moved);
}

std::vector<HookHandle> HookedModel::fill(
    ActivationCache& cache, const std::vector<std::string>& patterns) const {
  std::vector<HookHandle> handles;
  handles.reserve(patterns.size());
  for (const std::string& pattern : patterns) {
    handles.push_back(
        add_hook(pattern, [&cache](const torch::Tensor& x, const HookSite& at) {
          cache.insert(at.name, x);
          return x;
        }));
  }
  return handles;
}

} // namespace ma
