// The loop over batches.
#include "libma/eval/sequence_pass.h"

#include <algorithm>

#include "libma/core/error.h"

namespace ma {

void pass_sequences(
    const Model& model,
    const torch::Tensor& sequences,
    const SequencePassOptions& options) {
  const TokenBatch all(sequences);
  if (!all.ids.defined() || all.ids.numel() == 0) {
    throw ShapeError(
        options.stage, "there are no sequences; give int64 [n, length]");
  }
  const auto n_sequences = all.ids.size(0);
  const auto n_blocks =
      options.n_blocks < 0 ? model.config().n_layers : options.n_blocks;
  const auto rows =
      std::max<std::int64_t>(1, options.tokens_per_pass / all.ids.size(1));
  ProgressCounter progress(
      options.progress,
      {.stage = options.stage, .total = n_sequences, .unit = "sequences"});
  for (std::int64_t first = 0; first < n_sequences; first += rows) {
    const TokenBatch batch(all.ids.slice(/*dim=*/0, first, first + rows));
    model.run_blocks(model.embed(batch), 0, n_blocks, batch);
    progress.add(batch.ids.size(0));
  }
}

} // namespace ma
