// Hooks on the streams.
#include "libma/eval/measure_magnitudes.h"

#include "libma/core/memory.h"
#include "libma/eval/find_massive.h"
#include "libma/eval/sequence_pass.h"
#include "libma/hooks/hook_names.h"

namespace ma {

Magnitudes measure_magnitudes(
    const Model& model,
    const torch::Tensor& sequences,
    const MeasureMagnitudesOptions& options) {
  const auto table =
      options.classify_tokens ? token_class_table(model) : torch::Tensor();
  MagnitudeAccumulator accumulator(
      model.config().n_layers, options.magnitudes, table);
  const auto before = model.add_hook(
      block_site(0, "resid_pre"),
      [&](const torch::Tensor& x, const HookSite& at) {
        // What the last pass freed lies scattered between what it left.
        give_back_freed_memory();
        accumulator.observe(-1, x, *at.batch);
        return x;
      });
  const auto after = model.add_hook(
      "blocks.*.resid_post", [&](const torch::Tensor& x, const HookSite& at) {
        accumulator.observe(at.layer, x, *at.batch);
        return x;
      });
  pass_sequences(
      model,
      sequences,
      {.tokens_per_pass = options.tokens_per_pass,
       .stage = "measure magnitudes",
       .progress = options.progress});
  auto found = accumulator.finish();
  if (options.classify_tokens) {
    add_token_texts(found.profile, model.tokenizer());
  }
  return found;
}

} // namespace ma
