// A mixture of experts: a router sends each token through a few of many MLPs
// (Shazeer et al. 2017; Mixtral, Jiang et al. 2024).
#pragma once

#include <cstdint>
#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/activation.h"
#include "libma/nn/feed_forward.h"
#include "libma/nn/linear.h"

namespace ma::nn {

struct MixtureOptions {
  std::int64_t n_experts = 0;
  std::int64_t n_used = 0; ///< experts a token goes through
  Activation activation = nullptr;
};

struct MixtureWeights {
  Linear router;      ///< to [expert]
  torch::Tensor gate; ///< [expert, d_mlp, d_model]
  torch::Tensor up;   ///< [expert, d_mlp, d_model]
  torch::Tensor down; ///< [expert, d_model, d_mlp]
};

/// sum_e weight_e down_e(act(gate_e x) * up_e x): weights are the softmax of
/// the router's logits, the `n_used` largest scaled to sum to 1, others zero.
class Mixture : public FeedForward {
 public:
  /// Points `<name>.router_logits` and `<name>.expert_weights` join `hooks`.
  Mixture(
      const MixtureOptions& options,
      MixtureWeights weights,
      HookTable& hooks,
      const std::string& name);

  torch::Tensor operator()(const torch::Tensor& x) const override;

 private:
  torch::Tensor route(const torch::Tensor& x) const;
  torch::Tensor run_expert(std::int64_t expert, const torch::Tensor& x) const;

  MixtureOptions options_;
  MixtureWeights weights_;
  const HookPoint* router_logits_;
  const HookPoint* expert_weights_;
};

} // namespace ma::nn
