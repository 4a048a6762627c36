// Model: a loaded language model with its tokenizer and hooks. The library's
// front door.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/activation_cache.h"
#include "libma/hooks/hook_table.h"
#include "libma/io/tokenizer/tokenizer.h"
#include "libma/models/decoder.h"
#include "libma/models/hooked_model.h"

namespace ma {

/// Movable, not copyable. Passes run without autograd. Not to be used from two
/// threads at once.
class Model : public HookedModel {
 public:
  Model(
      std::unique_ptr<Decoder> network,
      std::shared_ptr<HookTable> hooks,
      torch::TensorOptions options,
      std::vector<std::filesystem::path> files);

  const DecoderConfig& config() const override { return network_->config(); }
  std::string devices() const override { return network_->placement().names(); }
  std::int64_t n_parameters() const override {
    return network_->n_parameters();
  }

  /// The checkpoint's tokenizer, read at the first call. Throws FileError when
  /// it has none.
  const Tokenizer& tokenizer() const;

  /// Residual stream before block 0, [batch, pos, d_model]. Throws ShapeError
  /// on ids out of range.
  torch::Tensor embed(const TokenBatch& batch) const override;

  /// Logits [batch, pos, vocab] of the stream `x` after the last block, or,
  /// with `positions` int64 [n] (flat indices into batch x pos), only theirs:
  /// [n, vocab]. Throws ShapeError on a stream that is not this model's, or an
  /// index outside it.
  torch::Tensor unembed(
      const torch::Tensor& x,
      const torch::Tensor& positions = {},
      const TokenBatch& batch = {}) const;

  /// Scores of the tokens `targets` int64 [n] at the flat `positions` int64 [n]
  /// of the stream `x`, without storing logits; a position may have several
  /// targets. `on_slice` sees the logits of the positions, each once: in their
  /// order, ascending where some repeat. Throws ShapeError as
  /// `unembed` does, and on targets outside the vocabulary.
  TokenScores score(
      const torch::Tensor& x,
      const torch::Tensor& positions,
      const torch::Tensor& targets,
      const TokenBatch& batch = {},
      const LogitSliceFn& on_slice = {}) const;

  /// Throws ConfigError, located at `where`, when the head gives embeddings of
  /// texts instead of logits (CLIP): there is nothing to score or to generate.
  void check_predicts(const char* where) const;

  /// Logits [batch, pos, vocab] of `batch`; of CLIP's text tower embeddings
  /// [batch, pos, d_text].
  torch::Tensor forward(const TokenBatch& batch) const;

  /// Logits of tokens that follow those in `cache`, which they join: what a
  /// pass over both would give for them, within float noise. [batch, pos,
  /// vocab], or [n, vocab] with flat `positions` as for `unembed`.
  ///
  /// Hooks see the new tokens alone; `HookSite::batch->positions` says where
  /// they stand, and keys in `attn_scores` and `pattern` are cached and new
  /// ones. Throws ShapeError as KeyValueCache::follow does; after an error the
  /// cache is as before.
  torch::Tensor extend(
      const TokenBatch& batch,
      nn::KeyValueCache& cache,
      const torch::Tensor& positions = {}) const;

  /// Logits and the activations at all points that match `patterns`.
  /// Throws UnknownNameError when a pattern matches nothing.
  std::pair<torch::Tensor, ActivationCache> run_with_cache(
      const TokenBatch& batch, const std::vector<std::string>& patterns) const;

 protected:
  torch::Tensor run_network(
      const torch::Tensor& x,
      std::int64_t first,
      std::int64_t last,
      const TokenBatch& batch) const override;

 private:
  std::unique_ptr<Decoder> network_;
  mutable std::unique_ptr<Tokenizer> tokenizer_;
};

/// Loads a model by name (fetched before), from a Hugging Face folder or from a
/// `.gguf` file. Throws FileError or UnknownNameError saying what is missing,
/// ConfigError on an unsupported configuration.
Model load_model(
    const std::string& name_or_path, const LoadOptions& options = {});

} // namespace ma
