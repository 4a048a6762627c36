// The next token from its logits: the most likely one, or a random draw.
#pragma once

#include <cstdint>

#include "libma/core/tensor.h"
#include "libma/interventions/random_draw.h"

namespace ma {

struct SamplingOptions {
  double temperature = 0; ///< divides the logits; 0: always the most likely one
  std::int64_t top_k = 0; ///< only the k most likely; 0: all
  double top_p = 1;       ///< only the most likely ones that together have this
                          ///< probability; 1: all
};

/// Throws ConfigError when an option is out of its range.
void check_sampling(const SamplingOptions& options);

/// A token drawn from softmax(logits / temperature), restricted to `top_k`,
/// then to `top_p`; `logits` is [vocab]. Computed in float64 on the CPU, with
/// one draw of `random`. The first of equal ones counts as more likely.
std::int64_t draw_token(
    const torch::Tensor& logits,
    const SamplingOptions& options,
    RandomStream& random);

} // namespace ma
