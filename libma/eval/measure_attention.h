// Looking at a language model's attention while sequences pass: sinks of all
// blocks, and maps of one prompt (Sun et al. 2024, section 4.1; Gu et al.
// 2025).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/analysis/attention_maps.h"
#include "libma/analysis/attention_sinks.h"
#include "libma/core/progress.h"
#include "libma/core/tensor.h"
#include "libma/eval/massive_tokens.h"
#include "libma/models/model.h"

namespace ma {

struct MeasureSinksOptions {
  AttentionSinkOptions sinks = {}; ///< is_causal follows the model
  std::vector<std::int64_t> layers =
      {}; ///< blocks (0-based) to look at; empty: all. Their attention takes
          ///< the explicit path, one pattern at a time; the others keep fused
          ///< attention
  bool scores = false;         ///< also at softmax inputs: for massive_score
  bool classify_tokens = true; ///< false: outliers are not told apart by class;
                               ///< for models without a tokenizer
  std::int64_t tokens_per_pass =
      1024; ///< upper bound of batch * pos in one pass; changes no result
            ///< beyond float noise
  ProgressFn progress = {}; ///< counts sequences
};

/// The attention sinks of `model` over `sequences`, int64 [n, length], and what
/// falls on the massive `tokens` of each, all in one pass. Throws ShapeError as
/// pass_sequences does, ConfigError when there is no such block or an option is
/// out of its range, FileError when tokens are to be classified and there is no
/// tokenizer.
AttentionSinks measure_attention_sinks(
    const Model& model,
    const torch::Tensor& sequences,
    const MassiveTokens& tokens,
    const MeasureSinksOptions& options = {});

/// Blocks to compare: the one after which tokens are massive, whose attention
/// reads the stream without that, the next one, and the last; 0-based.
std::vector<std::int64_t> blocks_around(
    const MassiveTokens& tokens, std::int64_t n_layers);

/// Attention of one sequence, int64 `ids` [pos], in the blocks `layers` (empty:
/// blocks_around). Throws as measure_attention_sinks does.
AttentionMaps attention_maps(
    const Model& model,
    const torch::Tensor& ids,
    const MassiveTokens& tokens,
    std::vector<std::int64_t> layers = {});

/// The text of each of `ids` int64 [pos]; none when the model has no tokenizer.
std::vector<std::string> token_texts(
    const Model& model, const torch::Tensor& ids);

/// Sequences without meaning, after Gu et al. 2025: int64 [n, length], each
/// token drawn from `vocab` with `seed`; `is_repeated` draws one token a
/// sequence.
torch::Tensor random_sequences(
    std::int64_t vocab,
    at::IntArrayRef shape,
    bool is_repeated,
    std::uint64_t seed);

} // namespace ma
