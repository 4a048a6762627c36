// Text generation with hooks active: greedy or by sampling, with a cache of
// keys and values where that is exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/core/progress.h"
#include "libma/eval/bos.h"
#include "libma/eval/sampling.h"
#include "libma/eval/token_tree.h"
#include "libma/interventions/intervention.h"
#include "libma/models/model.h"

namespace ma {

enum class StopReason {
  kEos,        ///< the tokenizer's end-of-text token
  kStopString, ///< one of the stop strings
  kLength,     ///< `max_new_tokens`
};

/// "eos", "stop_string" or "length".
std::string_view stop_reason_name(StopReason reason);

/// What a model wrote after one prompt.
struct Generation {
  TokenIds ids; ///< new tokens, an EOS or stop string among them
  std::string
      text; ///< of `ids`, special tokens left out, up to the stop string
  StopReason reason = StopReason::kLength;
  bool is_truncated = false; ///< the prompt lost tokens on its left
};

struct GenerateOptions {
  std::int64_t max_new_tokens = 64;
  /// Texts that end a generation; they may span tokens. The text is cut before
  /// each in turn, as lm-evaluation-harness does.
  std::vector<std::string> stop = {};
  SamplingOptions sampling = {}; ///< greedy by default
  /// Each prompt draws from a stream of its own, told by `seed` and its index.
  std::uint64_t seed = 0;
  /// Active in every pass, after the model's other hooks.
  std::vector<Intervention> edits = {};
  /// False: every step reads its whole sequences again.
  bool use_cache = true;
  /// Tokens of a sequence; prompts of more than `max_length - max_new_tokens`
  /// lose tokens on their left. 0: the model's positions.
  std::int64_t max_length = 0;
  /// Bounds rows x (prompt + new tokens) of a batch, and so the cache's memory;
  /// 0: 4,096 on the CPU, 16,384 elsewhere. Results do not depend on it beyond
  /// float noise.
  std::int64_t tokens_per_pass = 0;
  BosProfile profile = BosProfile::kNoBos; ///< of prompts that are texts
  const Tokenizer* tokenizer = nullptr;    ///< null: the model's
  /// Gets each result as it comes, by its prompt's index. May throw to stop.
  std::function<void(std::size_t prompt, const Generation&)> on_generation = {};
  ProgressFn progress = {}; ///< counts prompts; called at every step
};

/// What `model` writes after each of `prompts`, in their order.
///
/// Positions in the edits' selections count from the first token of a sequence,
/// prompt included. An edit at given positions therefore acts while the prompt
/// is read, and must lie in it; one at all positions acts on new tokens too.
/// With edits that depend on the whole row (the last position, the largest
/// entries, a median: not `is_prefix_stable`), each step reads its whole
/// sequences again, so that the result is that of the edited model itself.
/// Nothing is known of the model's other hooks: with a cache they see the
/// prompts, then the new token of each step; `use_cache` turns that off.
///
/// Rows that have ended leave the batch. Throws ConfigError on an option out of
/// its range or a prompt without tokens, Error when logits are NaN, ShapeError
/// as select_entries does.
std::vector<Generation> generate(
    const Model& model,
    const std::vector<TokenIds>& prompts,
    const GenerateOptions& options = {});

/// The same for texts (UTF-8), which get a BOS as `options.profile` says.
std::vector<Generation> generate(
    const Model& model,
    const std::vector<std::string>& prompts,
    const GenerateOptions& options = {});

} // namespace ma
