// A decoder-only transformer: embedding, blocks, final norm, unembedding.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/models/decoder_config.h"
#include "libma/models/token_scores.h"
#include "libma/models/weights.h"
#include "libma/nn/block.h"
#include "libma/nn/key_value_cache.h"
#include "libma/nn/linear.h"
#include "libma/nn/norm.h"

namespace ma {

/// Negative log-likelihood of given tokens, without keeping logits.
struct TokenScores {
  torch::Tensor nll_nats;  ///< float32 (float64 for float64 models) [n]
  torch::Tensor is_greedy; ///< bool [n]: the target is the most likely token
};

class Decoder {
 public:
  /// Reads all parameters from `weights`, each to the device that it says. The
  /// decoder's points join `hooks` in forward order.
  Decoder(const DecoderConfig& config, WeightLoader& weights, HookTable& hooks);

  const DecoderConfig& config() const { return config_; }

  const Placement& placement() const { return placement_; }

  /// Number of parameters; a tied output head counts once.
  std::int64_t n_parameters() const { return n_parameters_; }

  /// Residual stream before block 0, [batch, pos, d_model].
  torch::Tensor embed(const TokenBatch& batch) const;

  /// Residual stream after blocks [first, last), from `x` [batch, pos, d_model]
  /// before block `first`. With `cache`, the tokens see what is in it too, and
  /// join it. The stream moves to the device of each block.
  torch::Tensor run_blocks(
      torch::Tensor x,
      std::int64_t first,
      std::int64_t last,
      const TokenBatch& batch,
      nn::KeyValueCache* cache = nullptr) const;

  /// Final norm and logits of `x` [batch, pos, d_model]: [batch, pos, vocab].
  torch::Tensor unembed(const torch::Tensor& x) const;

  /// Scores of `targets` int64 [n] at rows of the stream `x` [m, d_model],
  /// those of `rows` int64 [n], or one target a row when it is undefined. The
  /// softmax runs in float32 (float64 for float64 models) over slices of the
  /// vocabulary, which `on_slice` sees.
  TokenScores score(
      const torch::Tensor& x,
      const torch::Tensor& targets,
      const torch::Tensor& rows = {},
      const LogitSliceFn& on_slice = {}) const;

  /// Whether a hook at the final norm or the logits needs the documented
  /// shapes.
  bool has_output_hooks() const;

 private:
  void take_embedding(WeightLoader& weights, HookTable& hooks);
  void take_head(WeightLoader& weights, HookTable& hooks);
  torch::Tensor pos_embed(
      const torch::Tensor& x, const TokenBatch& batch) const;
  torch::Tensor to_head(const torch::Tensor& x) const;

  DecoderConfig config_;
  Placement placement_;
  std::int64_t n_parameters_ = 0;
  torch::Tensor embedding_;         ///< [vocab, d_embed]
  torch::Tensor positions_;         ///< [place, d_model] or undefined
  std::optional<nn::Linear> widen_; ///< d_embed to d_model
  const HookPoint* embed_;
  std::optional<nn::Norm> embed_norm_;
  const HookPoint* pos_embed_ = nullptr;
  std::vector<std::unique_ptr<nn::Block>> blocks_;
  std::optional<nn::Norm> ln_final_;
  std::optional<nn::Linear> narrow_; ///< d_model to d_embed
  nn::Linear unembedding_;           ///< to [vocab]
  const HookPoint* logits_;
  std::vector<const HookPoint*> output_points_;
};

} // namespace ma
