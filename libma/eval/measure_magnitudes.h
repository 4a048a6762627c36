// Statistics of a model's residual stream, block by block, while calibration
// sequences pass.
#pragma once

#include <cstdint>

#include "libma/analysis/layer_magnitudes.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/models/model.h"

namespace ma {

struct MeasureMagnitudesOptions {
  MagnitudeOptions magnitudes = {};
  std::int64_t tokens_per_pass =
      2048; ///< upper bound of batch * pos in one pass; changes no result
            ///< beyond float noise
  bool classify_tokens = true; ///< false: only starts are told apart; for
                               ///< models without a tokenizer
  ProgressFn progress = {};    ///< counts sequences
};

/// The magnitudes of `model` over `sequences`, int64 [n, length].
///
/// Looks at the stream before block 0 and after every block, with the hooks
/// that are registered, and computes no logits; memory does not grow with the
/// sequences. Throws ShapeError on ids that are no sequences of the model,
/// FileError when tokens are to be classified and there is no tokenizer,
/// ConfigError when an option is negative.
Magnitudes measure_magnitudes(
    const Model& model,
    const torch::Tensor& sequences,
    const MeasureMagnitudesOptions& options = {});

} // namespace ma
