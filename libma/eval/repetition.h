// Token repetition of greedy continuations: what a collapsed model does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "libma/core/progress.h"
#include "libma/eval/token_tree.h"
#include "libma/eval/windows.h"
#include "libma/interventions/intervention.h"
#include "libma/models/model.h"

namespace ma {

constexpr std::size_t kRepetitionOrders = 4;

/// How much texts repeat themselves.
struct Repetition {
  /// For n = 1 to 4 at [n - 1]: of the n-grams of all texts, the share that
  /// stood earlier in the same text, 1 - distinct / all; no unit. NaN when no
  /// text has n tokens.
  std::array<double, kRepetitionOrders> repeated = {};
  std::int64_t n_tokens = 0;
};

/// The repetition of `texts` in their tokens.
Repetition repetition_of(const std::vector<TokenIds>& texts);

/// The first `length` tokens of the first `count` windows. Throws ConfigError
/// when there are fewer windows, or one is shorter.
std::vector<TokenIds> window_prompts(
    const WindowSet& windows, std::int64_t count, std::int64_t length);

struct RepetitionOptions {
  std::int64_t new_tokens = 64; ///< of each continuation, unless the model ends
                                ///< it
  std::int64_t tokens_per_pass = 0;     ///< as in GenerateOptions
  const Tokenizer* tokenizer = nullptr; ///< null: the model's
  ProgressFn progress = {};             ///< counts prompts
};

/// The repetition of what `model` writes greedily after `prompts` under
/// `edits`, the prompts left out. Throws as `generate` does.
Repetition measure_repetition(
    const Model& model,
    const std::vector<TokenIds>& prompts,
    const std::vector<Intervention>& edits,
    const RepetitionOptions& options = {});

} // namespace ma
