// Which library multiplies.
#include "libma/nn/linear.h"

#include <optional>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>

namespace ma::nn {
namespace {

using Product = torch::Tensor(
    const torch::Tensor& x,
    const torch::Tensor& weight,
    const std::optional<torch::Tensor>& bias,
    std::string_view pointwise,
    c10::List<std::optional<at::Scalar>> scalars,
    std::optional<std::string_view> algorithm);

/// ATen multiplies float32 with MKL, which leaves the AVX-512 units of AMD's
/// processors idle; oneDNN, which it has as well, uses them (docs/numerics.md).
bool has_idle_avx512() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512f") != 0;
#else
  return false;
#endif
}

/// oneDNN's product, where it is the faster one.
const std::optional<c10::TypedOperatorHandle<Product>>& onednn_product() {
  static const auto product =
      []() -> std::optional<c10::TypedOperatorHandle<Product>> {
    const auto found = c10::Dispatcher::singleton().findSchema(
        {"mkldnn::_linear_pointwise", ""});
    if (!found || !at::globalContext().hasMKLDNN() || !has_idle_avx512()) {
      return std::nullopt;
    }
    return found->typed<Product>();
  }();
  return product;
}

} // namespace

std::string_view product_library() {
  const bool is_onednn =
      onednn_product() && at::globalContext().userEnabledMkldnn();
  return is_onednn ? "onednn" : "aten";
}

torch::Tensor Linear::operator()(const torch::Tensor& x) const {
  const auto& product = onednn_product();
  const bool is_ours = x.is_cpu() && x.scalar_type() == torch::kFloat32 &&
                       x.numel() > 0 && product_library() == "onednn";
  if (product && is_ours) {
    return product->call(
        x,
        weight,
        bias.defined() ? std::optional(bias) : std::nullopt,
        "none",
        c10::List<std::optional<at::Scalar>>(),
        std::nullopt);
  }
  return at::linear(x, weight, bias);
}

Linear Linear::slice(std::int64_t first, std::int64_t count) const {
  return {
      weight.narrow(/*dim=*/0, first, count),
      bias.defined() ? bias.narrow(/*dim=*/0, first, count) : bias};
}

} // namespace ma::nn
