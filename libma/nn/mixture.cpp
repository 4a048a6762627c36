// Experts one after another, each on the tokens that are sent to it.
#include "libma/nn/mixture.h"

#include <utility>

namespace ma::nn {

Mixture::Mixture(
    const MixtureOptions& options,
    MixtureWeights weights,
    HookTable& hooks,
    const std::string& name)
    : options_(options),
      weights_(std::move(weights)),
      router_logits_(&hooks.add_point(name + ".router_logits")),
      expert_weights_(&hooks.add_point(name + ".expert_weights")) {}

torch::Tensor Mixture::route(const torch::Tensor& x) const {
  const auto logits =
      (*router_logits_)(weights_.router(x)); // [batch, pos, expert]
  const bool is_double = logits.scalar_type() == torch::kFloat64;
  const auto shares = at::softmax(
      logits, /*dim=*/-1, is_double ? torch::kFloat64 : torch::kFloat32);
  auto [largest, experts] = shares.topk(options_.n_used, /*dim=*/-1);
  largest = largest / largest.sum(/*dim=*/-1, /*keepdim=*/true);
  return (*expert_weights_)(at::zeros_like(shares)
                                .scatter(/*dim=*/-1, experts, largest)
                                .to(x.scalar_type())); // [batch, pos, expert]
}

torch::Tensor Mixture::run_expert(
    std::int64_t expert, const torch::Tensor& x) const {
  const auto gate = Linear{weights_.gate[expert], {}}(x); // [n, d_mlp]
  const auto up = Linear{weights_.up[expert], {}}(x);     // [n, d_mlp]
  return Linear{weights_.down[expert], {}}(
      options_.activation(gate).mul_(up)); // [n, d_model]
}

torch::Tensor Mixture::operator()(const torch::Tensor& x) const {
  const auto weights = route(x).flatten(0, 1); // [n, expert]
  const auto tokens = x.flatten(0, 1);         // [n, d_model]
  auto sum = at::zeros_like(tokens, at::MemoryFormat::Contiguous);
  for (std::int64_t expert = 0; expert < options_.n_experts; ++expert) {
    const auto weight = weights.select(/*dim=*/1, expert);
    const auto chosen = weight.nonzero().squeeze(1); // [m]
    if (chosen.size(0) == 0) {
      continue;
    }
    const auto out = run_expert(expert, tokens.index_select(0, chosen)) *
                     weight.index_select(0, chosen).unsqueeze(1);
    sum.index_add_(/*dim=*/0, chosen, out);
  }
  return sum.view(x.sizes());
}

} // namespace ma::nn
