// The diagrams of blocks, equations in the order in which they happen.
#include "libma/nn/block.h"

#include <optional>
#include <utility>

namespace ma::nn {
namespace {

using OptionalNorm = std::optional<Norm>;

/// What all constructors get.
struct Parts {
  const BlockOptions& options;
  BlockWeights& weights;
  HookTable& hooks;
  const std::string& name;

  const HookPoint* point(const char* site) const {
    return &hooks.add_point(name + "." + site);
  }
  OptionalNorm norm(bool exists, NormWeights& its, const char* site) const {
    return exists ? OptionalNorm(
                        std::in_place,
                        options.norm,
                        std::move(its),
                        hooks,
                        name + "." + site)
                  : std::nullopt;
  }
  Attention attention() const {
    return {
        options.attention, std::move(weights.attention), hooks, name + ".attn"};
  }
  std::unique_ptr<FeedForward> mlp() const {
    if (options.mixture.n_experts > 0) {
      return std::make_unique<Mixture>(
          options.mixture, std::move(weights.mixture), hooks, name + ".mlp");
    }
    return std::make_unique<Mlp>(
        options.gated_mlp,
        options.activation,
        std::move(weights.mlp_up),
        std::move(weights.mlp_down),
        hooks,
        name + ".mlp");
  }
};

torch::Tensor normalize(const OptionalNorm& norm, const torch::Tensor& x) {
  return norm ? (*norm)(x) : x;
}

/// `update` [batch, pos, d_model], its own memory, times the layer scale, if
/// there is one.
torch::Tensor scaled(const torch::Tensor& update, const torch::Tensor& gain) {
  return gain.defined() ? update.mul_(gain) : update;
}

/// `stream + update`, into the memory of `update` unless a hook may hold it.
torch::Tensor add_to_stream(
    const torch::Tensor& stream,
    torch::Tensor update,
    const HookPoint& update_point) {
  update = update_point(std::move(update));
  return update_point.active() ? stream + update : update.add_(stream);
}

/// Attention, then the MLP, each with norms before or behind it.
class SequentialBlock : public Block {
 public:
  explicit SequentialBlock(const Parts& p)
      : SequentialBlock(p, norms_of(p.options.kind)) {}

  torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const override {
    const auto pre = (*resid_pre_)(x);
    const auto read = normalize(ln1_, pre);
    const auto attended = scaled(
        normalize(ln1_post_, attention_((*attn_input_)(read), context)),
        attn_gain_);
    const auto mid = (*resid_mid_)(
        add_to_stream(keeps_normed_ ? read : pre, attended, *attn_out_));
    const auto read_mid = normalize(ln2_, mid);
    const auto mapped =
        scaled(normalize(ln2_post_, (*mlp_)(read_mid)), mlp_gain_);
    return (*resid_post_)(
        add_to_stream(keeps_normed_ ? read_mid : mid, mapped, *mlp_out_));
  }

 private:
  SequentialBlock(const Parts& p, const BlockNorms& norms)
      : keeps_normed_(p.options.kind == BlockKind::kNormedStream),
        resid_pre_(p.point("resid_pre")),
        ln1_(p.norm(norms.ln1, p.weights.ln1, "ln1")),
        attn_input_(p.point("attn.input")),
        attention_(p.attention()),
        ln1_post_(p.norm(norms.ln1_post, p.weights.ln1_post, "ln1_post")),
        attn_gain_(std::move(p.weights.attn_gain)),
        attn_out_(p.point("attn_out")),
        resid_mid_(p.point("resid_mid")),
        ln2_(p.norm(norms.ln2, p.weights.ln2, "ln2")),
        mlp_(p.mlp()),
        ln2_post_(p.norm(norms.ln2_post, p.weights.ln2_post, "ln2_post")),
        mlp_gain_(std::move(p.weights.mlp_gain)),
        mlp_out_(p.point("mlp_out")),
        resid_post_(p.point("resid_post")) {}

  bool keeps_normed_; ///< whether what the norms return goes on as the stream
  const HookPoint* resid_pre_;
  OptionalNorm ln1_;
  const HookPoint* attn_input_;
  Attention attention_;
  OptionalNorm ln1_post_;
  torch::Tensor attn_gain_;
  const HookPoint* attn_out_;
  const HookPoint* resid_mid_;
  OptionalNorm ln2_;
  std::unique_ptr<FeedForward> mlp_;
  OptionalNorm ln2_post_;
  torch::Tensor mlp_gain_;
  const HookPoint* mlp_out_;
  const HookPoint* resid_post_;
};

/// Attention and MLP read the same stream; there is no resid_mid.
class ParallelBlock : public Block {
 public:
  explicit ParallelBlock(const Parts& p)
      : resid_pre_(p.point("resid_pre")),
        ln1_(p.norm(true, p.weights.ln1, "ln1")),
        attn_input_(p.point("attn.input")),
        attention_(p.attention()),
        attn_out_(p.point("attn_out")),
        ln2_(p.norm(norms_of(p.options.kind).ln2, p.weights.ln2, "ln2")),
        mlp_(p.mlp()),
        mlp_out_(p.point("mlp_out")),
        resid_post_(p.point("resid_post")) {}

  torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const override {
    const auto pre = (*resid_pre_)(x);
    const auto normed = normalize(ln1_, pre);
    const auto attended = add_to_stream(
        pre, attention_((*attn_input_)(normed), context), *attn_out_);
    const auto mapped = (*mlp_)(ln2_ ? (*ln2_)(pre) : normed);
    return (*resid_post_)(add_to_stream(attended, mapped, *mlp_out_));
  }

 private:
  const HookPoint* resid_pre_;
  OptionalNorm ln1_;
  const HookPoint* attn_input_;
  Attention attention_;
  const HookPoint* attn_out_;
  OptionalNorm ln2_;
  std::unique_ptr<FeedForward> mlp_;
  const HookPoint* mlp_out_;
  const HookPoint* resid_post_;
};

/// The stream itself is normalised after each addition: resid_mid and
/// resid_post are what the norms return.
class StreamNormBlock : public Block {
 public:
  explicit StreamNormBlock(const Parts& p)
      : resid_pre_(p.point("resid_pre")),
        attn_input_(p.point("attn.input")),
        attention_(p.attention()),
        attn_out_(p.point("attn_out")),
        ln1_(p.norm(true, p.weights.ln1, "ln1")),
        resid_mid_(p.point("resid_mid")),
        mlp_(p.mlp()),
        mlp_out_(p.point("mlp_out")),
        ln2_(p.norm(true, p.weights.ln2, "ln2")),
        resid_post_(p.point("resid_post")) {}

  torch::Tensor operator()(
      const torch::Tensor& x, const AttentionContext& context) const override {
    const auto pre = (*resid_pre_)(x);
    const auto attended = add_to_stream(
        pre, attention_((*attn_input_)(pre), context), *attn_out_);
    const auto mid = (*resid_mid_)(normalize(ln1_, attended));
    const auto mapped = add_to_stream(mid, (*mlp_)(mid), *mlp_out_);
    return (*resid_post_)(normalize(ln2_, mapped));
  }

 private:
  const HookPoint* resid_pre_;
  const HookPoint* attn_input_;
  Attention attention_;
  const HookPoint* attn_out_;
  OptionalNorm ln1_;
  const HookPoint* resid_mid_;
  std::unique_ptr<FeedForward> mlp_;
  const HookPoint* mlp_out_;
  OptionalNorm ln2_;
  const HookPoint* resid_post_;
};

} // namespace

BlockNorms norms_of(BlockKind kind) {
  switch (kind) {
    case BlockKind::kSandwich:
      return {true, true, true, true};
    case BlockKind::kOutputNorm:
      return {false, true, false, true};
    case BlockKind::kParallelShared:
      return {true, false, false, false};
    case BlockKind::kPreNorm:
    case BlockKind::kParallel:
    case BlockKind::kNormedStream:
    case BlockKind::kStreamNorm:
      break;
  }
  return {true, false, true, false};
}

std::unique_ptr<Block> make_block(
    const BlockOptions& options,
    BlockWeights weights,
    HookTable& hooks,
    const std::string& name) {
  const Parts parts{options, weights, hooks, name};
  switch (options.kind) {
    case BlockKind::kParallel:
    case BlockKind::kParallelShared:
      return std::make_unique<ParallelBlock>(parts);
    case BlockKind::kStreamNorm:
      return std::make_unique<StreamNormBlock>(parts);
    case BlockKind::kPreNorm:
    case BlockKind::kSandwich:
    case BlockKind::kOutputNorm:
    case BlockKind::kNormedStream:
      break;
  }
  return std::make_unique<SequentialBlock>(parts);
}

} // namespace ma::nn
