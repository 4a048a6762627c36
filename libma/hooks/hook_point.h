// Hook points: named places in a forward pass where callables may read or
// replace the activation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libma/core/tensor.h"

namespace ma {

/// What goes into a forward pass: tokens, or images whose patches are the
/// tokens. Hooks select positions by it.
struct TokenBatch {
  TokenBatch() = default;
  /// `ids` is int64 [batch, pos] or [pos]; `mask` is bool of the same shape,
  /// false at padding; undefined means no padding.
  TokenBatch(
      torch::Tensor ids,
      torch::Tensor mask = {}); // NOLINT(google-explicit-constructor)

  torch::Tensor
      ids; ///< int64 [batch, pos]; undefined when a pass starts from a stream
  torch::Tensor mask; ///< bool [batch, pos], true at real tokens; undefined
                      ///< when all are real

  torch::Tensor pixels; ///< float [batch, channel, height, width], normalised;
                        ///< of vision models, whose batches have no ids

  /// A row may hold several sequences that share their beginning (a token
  /// tree), or the end of one whose beginning is cached. These say so;
  /// undefined, a row is one sequence from its first real token.
  torch::Tensor positions; ///< int64 [batch, pos]: the token's place in its
                           ///< sequence, from 0
  torch::Tensor visible;   ///< bool [batch, query_pos, key_pos]: the keys that
                           ///< a token sees; at least one each
  torch::Tensor key_positions; ///< int64 [batch, key_pos]: the keys' places in
                               ///< their sequence; undefined when the keys are
                               ///< the batch's own tokens

  /// The same on `device`.
  TokenBatch to(torch::Device device) const;
};

/// Column of the first real token of each row: int64 [batch] on the CPU; zeros
/// without padding.
std::vector<std::int64_t> first_positions(
    const TokenBatch& batch, std::int64_t n_rows);

/// Where a hook is being called.
struct HookSite {
  std::string name;        ///< "blocks.11.resid_post"
  std::string kind;        ///< "resid_post": the name without `blocks.{i}.`
  std::int64_t layer = -1; ///< 0-based block, -1 outside the blocks
  std::string shape;       ///< documented shape, "[batch, pos, d_model]"
  const TokenBatch* batch = nullptr; ///< tokens of the pass; valid during the
                                     ///< call; null when the caller gave none
};

/// Returns the activation to use: `x` itself to only read, a new tensor of the
/// same shape, dtype and device to replace it. Must not write to `x` in place.
using HookFn =
    std::function<torch::Tensor(const torch::Tensor& x, const HookSite& at)>;

/// One place in a forward pass. Calling it passes the activation through its
/// hooks, in order of registration.
class HookPoint {
 public:
  explicit HookPoint(HookSite site) : site_(std::move(site)) {}

  const HookSite& site() const { return site_; }
  bool active() const { return !entries_.empty(); }

  /// `x` after all hooks. Throws ShapeError when a hook changes shape, dtype or
  /// device, or writes in place.
  torch::Tensor operator()(torch::Tensor x) const {
    return active() ? run(std::move(x)) : x;
  }

 private:
  friend class HookTable;
  friend class HookHandle;
  struct Entry {
    std::uint64_t id;
    std::shared_ptr<const HookFn> fn;
  };

  torch::Tensor run(torch::Tensor x) const;
  void remove(std::uint64_t id);

  HookSite site_;
  std::vector<Entry> entries_;
};

/// `fn` applied to `x` at `site` with the checks of a hook point. Throws
/// ShapeError as HookPoint does.
torch::Tensor call_hook(
    const HookFn& fn, const torch::Tensor& x, const HookSite& site);

} // namespace ma
