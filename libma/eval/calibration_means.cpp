// One pass over as many sequences as the largest count.
#include "libma/eval/calibration_means.h"

#include "libma/analysis/prefix_means.h"

namespace ma {

std::map<std::int64_t, torch::Tensor> calibration_means(
    const Model& model,
    const torch::Tensor& sequences,
    const std::vector<std::int64_t>& counts,
    const SequencePassOptions& options) {
  PrefixMeans means(model.config().n_layers, counts);
  const auto handle = model.add_hook(
      "blocks.*.resid_post", [&](const torch::Tensor& x, const HookSite& at) {
        means.observe(x, at);
        return x;
      });
  const bool is_list = sequences.defined() && sequences.dim() == 2;
  pass_sequences(
      model,
      is_list ? sequences.slice(/*dim=*/0, 0, means.n_needed()) : sequences,
      options);
  return means.finish();
}

} // namespace ma
