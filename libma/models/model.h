// Model: a loaded network with its tokenizer and hooks. The library's front
// door.
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

namespace ma {

struct LoadOptions {
  std::string device =
      "auto"; ///< "auto" (GPUs where there are any), "cpu", "cuda:0", or
              ///< several that share the blocks, "cuda:0,cuda:1"
  torch::ScalarType dtype =
      torch::kFloat32; ///< float64, float32, bfloat16 or float16
  /// Cache of fetched models; empty means `default_home()`.
  std::filesystem::path home = {};
};

/// Movable, not copyable. Passes run without autograd. Not to be used from two
/// threads at once.
class Model {
 public:
  Model(
      std::unique_ptr<Decoder> network,
      std::shared_ptr<HookTable> hooks,
      torch::TensorOptions options,
      std::vector<std::filesystem::path> files);

  const DecoderConfig& config() const { return network_->config(); }
  torch::ScalarType dtype() const { return options_.dtype().toScalarType(); }
  /// Where tokens go in: the first device of a model on several.
  torch::Device device() const { return options_.device(); }
  /// All devices in the order of the blocks, with commas between:
  /// "cuda:0,cuda:1".
  std::string devices() const { return network_->placement().names(); }
  /// Number of parameters; a tied output head counts once.
  std::int64_t n_parameters() const { return network_->n_parameters(); }

  /// Files the weights and configuration came from.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// The checkpoint's tokenizer, read at the first call. Throws FileError when
  /// it has none.
  const Tokenizer& tokenizer() const;

  /// Residual stream before block 0, [batch, pos, d_model]. Throws ShapeError
  /// on ids out of range.
  torch::Tensor embed(const TokenBatch& batch) const;

  /// Residual stream after blocks [first, last) from `x` [batch, pos, d_model],
  /// the stream before block `first`. `batch` supplies padding and what hooks
  /// see as `HookSite::batch`; it must be the one given to `embed`.
  torch::Tensor run_blocks(
      const torch::Tensor& x,
      std::int64_t first,
      std::int64_t last,
      const TokenBatch& batch = {}) const;

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
  /// targets. Throws ShapeError as
  /// `unembed` does, and on targets outside the vocabulary.
  TokenScores score(
      const torch::Tensor& x,
      const torch::Tensor& positions,
      const torch::Tensor& targets,
      const TokenBatch& batch = {}) const;

  /// Logits [batch, pos, vocab] of `batch`.
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

  /// Registers `fn` at every point that matches `pattern` (`*` is one
  /// dot-separated part) while the handle lives.
  [[nodiscard]] HookHandle add_hook(
      const std::string& pattern, HookFn fn) const {
    return hooks_->add(pattern, std::move(fn));
  }

  /// Names of all hook points in forward order.
  std::vector<std::string> hook_names() const { return hooks_->names(); }

  const HookTable& hooks() const { return *hooks_; }

 private:
  void check_stream(const char* where, const torch::Tensor& x) const;

  std::unique_ptr<Decoder> network_;
  std::shared_ptr<HookTable> hooks_;
  torch::TensorOptions options_;
  std::vector<std::filesystem::path> files_;
  mutable std::unique_ptr<Tokenizer> tokenizer_;
};

/// Loads a model by name (fetched before), from a Hugging Face folder or from a
/// `.gguf` file. Throws FileError or UnknownNameError saying what is missing,
/// ConfigError on an unsupported configuration.
Model load_model(
    const std::string& name_or_path, const LoadOptions& options = {});

/// "float32" and the like to a dtype. Throws UnknownNameError located at
/// `where`.
torch::ScalarType parse_dtype(
    const std::string& name, const std::string& where);

/// The name that parse_dtype reads.
std::string dtype_name(torch::ScalarType dtype);

} // namespace ma
