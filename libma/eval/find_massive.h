// Finding a model's massive activations: calibration sequences through the
// blocks, statistics on the way.
#pragma once

#include <cstdint>

#include "libma/analysis/massive.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/models/model.h"

namespace ma {

struct FindOptions {
  double magnitude = 100; ///< criterion: |x| > magnitude, activation units
  double ratio = 1000;    ///< and |x| > ratio * median(|x|), no unit
  std::int64_t tokens_per_pass =
      4096; ///< upper bound of batch * pos in one pass; changes no result
            ///< beyond float noise
  bool classify_tokens = true; ///< false: only starts are told apart; for
                               ///< models without a tokenizer
  ProgressFn progress = {};    ///< counts sequences
};

/// The massive activations of `model` over `sequences`, int64 [n, length].
///
/// Looks at the stream after every block, with the hooks that are registered,
/// and computes no logits. Throws ShapeError on ids that are no sequences of
/// the model, FileError when tokens are to be classified and there is no
/// tokenizer.
MassiveProfile find_massive(
    const Model& model,
    const torch::Tensor& sequences,
    const FindOptions& options = {});

/// The class of each token's text: int8 [vocab], for classify_tokens.
torch::Tensor token_class_table(const Tokenizer& tokenizer);

/// The same for a model's ids; kWord where it has more than its tokenizer.
torch::Tensor token_class_table(const Model& model);

/// Fills in the texts of the sites' tokens.
void add_token_texts(MassiveProfile& profile, const Tokenizer& tokenizer);

} // namespace ma
