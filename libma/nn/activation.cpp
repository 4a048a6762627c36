// The list of nonlinearities.
#include "libma/nn/activation.h"

#include "libma/core/registry.h"

namespace ma::nn {
namespace {

torch::Tensor silu(const torch::Tensor& x) {
  return at::silu(x);
}
torch::Tensor gelu(const torch::Tensor& x) {
  return at::gelu(x);
}
torch::Tensor gelu_tanh(const torch::Tensor& x) {
  return at::gelu(x, "tanh");
}
/// The tanh approximation with its constant cut to eight digits.
torch::Tensor gelu_rounded(const torch::Tensor& x) {
  return x * 0.5 * (1.0 + at::tanh(0.79788456 * x * (1 + 0.044715 * x * x)));
}
/// x sigmoid(1.702 x) (Hendrycks & Gimpel 2016).
torch::Tensor quick_gelu(const torch::Tensor& x) {
  return x * at::sigmoid(1.702 * x);
}
torch::Tensor tanh(const torch::Tensor& x) {
  return at::tanh(x);
}
torch::Tensor relu(const torch::Tensor& x) {
  return at::relu(x);
}

Registry<Activation> make_registry() {
  Registry<Activation> registry("activation");
  registry.add("silu", silu);
  registry.add("swish", silu);
  registry.add("gelu", gelu);
  registry.add("gelu_rounded", gelu_rounded);
  registry.add("gelu_new", gelu_tanh);
  registry.add("gelu_fast", gelu_tanh);
  registry.add("gelu_pytorch_tanh", gelu_tanh);
  registry.add("quick_gelu", quick_gelu);
  registry.add("relu", relu);
  registry.add("tanh", tanh);
  return registry;
}

} // namespace

Activation find_activation(const std::string& name, const std::string& where) {
  static const Registry<Activation> registry = make_registry();
  return registry.get(name, where);
}

void soft_cap(torch::Tensor& x, double cap) {
  if (cap > 0) {
    x.div_(cap).tanh_().mul_(cap);
  }
}

} // namespace ma::nn
