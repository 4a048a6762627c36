// Transformer blocks: how attention and MLP read and write the residual stream.
#pragma once

#include <memory>
#include <string>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/nn/attention.h"
#include "libma/nn/mixture.h"
#include "libma/nn/mlp.h"
#include "libma/nn/norm.h"

namespace ma::nn {

/// Where a block normalises, and whether its halves run side by side. x is the
/// stream, A attention, M the MLP; ln1, ln2 norm what goes into A and M,
/// ln1_post and ln2_post what comes out.
enum class BlockKind {
  kPreNorm,        ///< x + A(ln1 x), then + M(ln2 .): LLaMA, GPT-2
  kSandwich,       ///< x + ln1_post A(ln1 x), then + ln2_post M(ln2 .)
  kOutputNorm,     ///< x + ln1_post A(x), then + ln2_post M(.)
  kParallel,       ///< x + A(ln1 x) + M(ln2 x)
  kParallelShared, ///< x + A(ln1 x) + M(ln1 x)
  kNormedStream,   ///< y = ln1 x; y + A(y), then z = ln2 .; z + M(z)
  kStreamNorm,     ///< ln1(x + A(x)), then ln2(. + M(.)): the first transformer
};

/// Which of its norms a kind of block has.
struct BlockNorms {
  bool ln1, ln1_post, ln2, ln2_post;
};
BlockNorms norms_of(BlockKind kind);

struct BlockOptions {
  BlockKind kind = BlockKind::kPreNorm;
  NormOptions norm;
  AttentionOptions attention;
  bool gated_mlp = true;
  MixtureOptions mixture; ///< a plain MLP when n_experts is 0
  Activation activation = nullptr;
};

struct BlockWeights {
  NormWeights ln1, ln1_post, ln2, ln2_post; ///< those that the kind has
  AttentionWeights attention;
  Linear mlp_up, mlp_down;           ///< of a plain MLP
  MixtureWeights mixture;            ///< of a mixture
  torch::Tensor attn_gain, mlp_gain; ///< [d_model], layer scale (Touvron et al.
                                     ///< 2021); undefined when there is none
};

class Block {
 public:
  virtual ~Block() = default;

  /// The residual stream after the block. `x` is [batch, pos, d_model]; returns
  /// the same shape and never writes to `x`.
  virtual torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const = 0;
};

/// The block `name` ("blocks.{i}"); its points join `hooks` in forward order.
std::unique_ptr<Block> make_block(
    const BlockOptions& options,
    BlockWeights weights,
    HookTable& hooks,
    const std::string& name);

} // namespace ma::nn
