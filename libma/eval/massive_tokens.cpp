// From a profile to tokens.
#include "libma/eval/massive_tokens.h"

#include <vector>

#include "libma/core/check_index.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/token_marks.h"

namespace ma {

MassiveTokens massive_tokens(const MassiveProfile& profile) {
  if (profile.meets_criterion) {
    return {.select = profile.massive(), .block = profile.edit_layer};
  }
  Selection largest{.kind = SelectionKind::kTopK};
  largest.count = 1;
  return {.select = largest, .block = profile.edit_layer};
}

torch::Tensor find_massive_tokens(
    const Model& model,
    const torch::Tensor& sequences,
    const MassiveTokens& tokens,
    SequencePassOptions options) {
  check_index("massive tokens", "block", tokens.block, model.config().n_layers);
  std::vector<torch::Tensor> found;
  const auto handle = model.add_hook(
      block_site(tokens.block, "resid_post"),
      [&](const torch::Tensor& x, const HookSite& at) {
        found.push_back(selected_tokens(tokens.select, x, at).cpu());
        return x;
      });
  options.stage = "mark massive tokens";
  options.n_blocks = tokens.block + 1;
  pass_sequences(model, sequences, options);
  return at::cat(found);
}

} // namespace ma
