// HookedModel: what language and vision models share, a residual stream with
// hooks.
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
#include "libma/models/transformer_config.h"

namespace ma {

struct LoadOptions {
  std::string device =
      "auto"; ///< "auto" (GPUs where there are any), "cpu", "cuda:0", or
              ///< several that share the blocks, "cuda:0,cuda:1"
  torch::ScalarType dtype =
      torch::kFloat32; ///< float64, float32, bfloat16 or float16
  /// Cache of fetched models; empty means `default_home()`.
  std::filesystem::path home = {};
  /// Of vision models: tokens of zeros to add between the other tokens and the
  /// patches (test-time registers, Jiang et al. 2025).
  std::int64_t n_test_registers = 0;
};

/// Movable, not copyable. Passes run without autograd. Not to be used from two
/// threads at once.
class HookedModel {
 public:
  virtual ~HookedModel() = default;
  HookedModel(HookedModel&&) = default;
  HookedModel& operator=(HookedModel&&) = default;

  virtual const TransformerConfig& config() const = 0;
  /// All devices in the order of the blocks, with commas between:
  /// "cuda:0,cuda:1".
  virtual std::string devices() const = 0;
  /// Number of parameters; a tied output head counts once.
  virtual std::int64_t n_parameters() const = 0;

  /// Residual stream before block 0, [batch, pos, d_model]. Throws ShapeError
  /// on a batch that is not of this kind of model.
  virtual torch::Tensor embed(const TokenBatch& batch) const = 0;

  /// Residual stream after blocks [first, last) from `x` [batch, pos, d_model],
  /// the stream before block `first`. `batch` supplies padding and what hooks
  /// see as `HookSite::batch`; it must be the one given to `embed`.
  torch::Tensor run_blocks(
      const torch::Tensor& x,
      std::int64_t first,
      std::int64_t last,
      const TokenBatch& batch = {}) const;

  torch::ScalarType dtype() const { return options_.dtype().toScalarType(); }
  /// Where a batch goes in: the first device of a model on several.
  torch::Device device() const { return options_.device(); }

  /// Files the weights and configuration came from.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// Registers `fn` at every point that matches `pattern` (`*` is one
  /// dot-separated part) while the handle lives.
  [[nodiscard]] HookHandle add_hook(
      const std::string& pattern, HookFn fn) const {
    return hooks_->add(pattern, std::move(fn));
  }

  /// Names of all hook points in forward order.
  std::vector<std::string> hook_names() const { return hooks_->names(); }

  const HookTable& hooks() const { return *hooks_; }

 protected:
  HookedModel(
      std::shared_ptr<HookTable> hooks,
      torch::TensorOptions options,
      std::vector<std::filesystem::path> files);

  /// Blocks [first, last) of the network.
  virtual torch::Tensor run_network(
      const torch::Tensor& x,
      std::int64_t first,
      std::int64_t last,
      const TokenBatch& batch) const = 0;

  /// Hooks that put what passes at `patterns` into `cache` while they live.
  std::vector<HookHandle> fill(
      ActivationCache& cache, const std::vector<std::string>& patterns) const;

  /// Throws ShapeError, located at `where`, unless `x` is a stream of this
  /// model.
  void check_stream(const char* where, const torch::Tensor& x) const;

  HookTable& hook_table() const { return *hooks_; }

 private:
  std::shared_ptr<HookTable> hooks_;
  torch::TensorOptions options_;
  std::vector<std::filesystem::path> files_;
};

/// "float32" and the like to a dtype. Throws UnknownNameError located at
/// `where`.
torch::ScalarType parse_dtype(
    const std::string& name, const std::string& where);

/// The name that parse_dtype reads.
std::string dtype_name(torch::ScalarType dtype);

} // namespace ma
