// A decoder-only transformer: embedding, blocks, final norm, unembedding.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/models/weights.h"
#include "libma/nn/block.h"
#include "libma/nn/key_value_cache.h"
#include "libma/nn/rope.h"

namespace ma {

/// The sizes and options of a decoder, read from a checkpoint's configuration.
struct DecoderConfig {
  std::string architecture; ///< registry key: "llama"
  std::int64_t n_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  std::int64_t d_mlp = 0;
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0; ///< longest context, tokens
  nn::NormOptions norm;
  bool has_norm_bias = false;
  bool has_qkv_bias = false;
  bool has_attn_out_bias = false;
  bool has_mlp_bias = false;
  bool has_gated_mlp = true;
  bool has_learned_positions = false; ///< else rotary
  bool has_tied_unembedding = false; ///< the output head is the token embedding
  double attention_scale = 0;        ///< 0 means 1 / sqrt(d_head)
  std::string activation = "silu";   ///< name in nn/activation
  nn::RopeConfig rope;

  /// Throws ConfigError, located at `where`, when a size is missing or sizes do
  /// not fit together.
  void check(const std::string& where) const;
};

/// Negative log-likelihood of given tokens, without keeping logits.
struct TokenScores {
  torch::Tensor nll_nats;  ///< float32 (float64 for float64 models) [n]
  torch::Tensor is_greedy; ///< bool [n]: the target is the most likely token
};

class Decoder {
 public:
  /// Reads all parameters from `weights`. The decoder's points join `hooks` in
  /// forward order.
  Decoder(const DecoderConfig& config, WeightLoader& weights, HookTable& hooks);

  const DecoderConfig& config() const { return config_; }

  /// Residual stream before block 0, [batch, pos, d_model].
  torch::Tensor embed(const TokenBatch& batch) const;

  /// Residual stream after blocks [first, last), from `x` [batch, pos, d_model]
  /// before block `first`. With `cache`, the tokens see what is in it too, and
  /// join it.
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
  /// vocabulary.
  TokenScores score(
      const torch::Tensor& x,
      const torch::Tensor& targets,
      const torch::Tensor& rows = {}) const;

  /// Whether a hook at the final norm or the logits needs the documented
  /// shapes.
  bool has_output_hooks() const;

 private:
  std::unique_ptr<nn::Block> make_block(
      std::int64_t layer, WeightLoader& weights, HookTable& hooks) const;

  DecoderConfig config_;
  torch::Tensor embedding_; ///< [vocab, d_model]
  torch::Tensor positions_; ///< [max_positions, d_model] or undefined
  const HookPoint* embed_;
  const HookPoint* pos_embed_ = nullptr;
  std::vector<std::unique_ptr<nn::Block>> blocks_;
  std::unique_ptr<nn::Norm> ln_final_;
  const HookPoint* ln_final_scale_;
  const HookPoint* ln_final_normalized_;
  nn::Linear unembedding_; ///< [vocab, d_model]
  const HookPoint* logits_;
};

} // namespace ma
