// From the order in which a format stores a tensor to the library's.
#include "libma/models/transformer_config.h"
#include "libma/models/weights.h"

namespace ma {
namespace {

/// [head, d_head / 2, 2, ...] -> [head, 2, d_head / 2, ...], flat.
torch::Tensor unpermuted(const torch::Tensor& stored, std::int64_t n_heads) {
  if (stored.dim() == 0 || stored.size(0) % (2 * n_heads) != 0) {
    return stored; // the loader says that its shape is wrong
  }
  const auto half = stored.size(0) / n_heads / 2;
  return stored.view({n_heads, half, 2, -1})
      .transpose(1, 2)
      .reshape(stored.sizes());
}

} // namespace

torch::Tensor flat_rows(
    const torch::Tensor& stored, const TransformerConfig& /*config*/) {
  return stored.dim() > 1 ? stored.flatten(/*start_dim=*/1) : stored;
}

torch::Tensor as_rows(
    const torch::Tensor& stored, const TransformerConfig& /*config*/) {
  return stored.dim() > 0 ? stored.reshape({-1, stored.size(-1)}) : stored;
}

torch::Tensor transposed(
    const torch::Tensor& stored, const TransformerConfig& /*config*/) {
  return stored.dim() == 2 ? stored.t() : stored;
}

torch::Tensor ungrouped_qkv(
    const torch::Tensor& stored, const TransformerConfig& config) {
  const auto per_group = config.n_heads / config.n_kv_heads;
  const auto rows = config.n_kv_heads * (per_group + 2) * config.d_head;
  if (stored.dim() == 0 || stored.size(0) != rows) {
    return stored; // the loader says that its shape is wrong
  }
  const auto groups = stored.view(
      {config.n_kv_heads, per_group + 2, config.d_head, -1}); // [kv_head, ...]
  const auto flat = [&](std::int64_t first, std::int64_t count) {
    return groups.narrow(/*dim=*/1, first, count)
        .reshape({config.n_kv_heads * count * config.d_head, -1});
  };
  return at::cat(
             {flat(0, per_group), flat(per_group, 1), flat(per_group + 1, 1)})
      .view(stored.sizes());
}

torch::Tensor unpermuted_q(
    const torch::Tensor& stored, const TransformerConfig& config) {
  return unpermuted(stored, config.n_heads);
}

torch::Tensor unpermuted_k(
    const torch::Tensor& stored, const TransformerConfig& config) {
  return unpermuted(stored, config.n_kv_heads);
}

torch::Tensor joined_experts(
    const torch::Tensor& stored, const TransformerConfig& /*config*/) {
  return stored.dim() == 3 ? stored.flatten(0, 1) : stored;
}

} // namespace ma
