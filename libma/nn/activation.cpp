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
torch::Tensor relu(const torch::Tensor& x) {
  return at::relu(x);
}

Registry<Activation> make_registry() {
  Registry<Activation> registry("activation");
  registry.add("silu", silu);
  registry.add("swish", silu);
  registry.add("gelu", gelu);
  registry.add("gelu_new", gelu_tanh);
  registry.add("gelu_fast", gelu_tanh);
  registry.add("gelu_pytorch_tanh", gelu_tanh);
  registry.add("relu", relu);
  return registry;
}

} // namespace

Activation find_activation(const std::string& name, const std::string& where) {
  static const Registry<Activation> registry = make_registry();
  return registry.get(name, where);
}

} // namespace ma::nn
