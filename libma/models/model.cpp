// Passes through a model, and their argument checks.
#include "libma/models/model.h"

#include <ATen/core/grad_mode.h>

#include "libma/core/error.h"

namespace ma {

Model::Model(
    std::unique_ptr<Decoder> network,
    std::shared_ptr<HookTable> hooks,
    torch::TensorOptions options,
    std::vector<std::filesystem::path> files)
    : network_(std::move(network)),
      hooks_(std::move(hooks)),
      options_(options),
      files_(std::move(files)) {}

const Tokenizer& Model::tokenizer() const {
  if (!tokenizer_) {
    const auto& first = files_.front();
    tokenizer_ = load_tokenizer(
        first.extension() == ".gguf" ? first : first.parent_path());
  }
  return *tokenizer_;
}

TokenBatch Model::prepare(const TokenBatch& batch) const {
  TokenBatch moved = batch;
  if (moved.ids.defined()) {
    moved.ids = moved.ids.to(device());
  }
  if (moved.mask.defined()) {
    moved.mask = moved.mask.to(device());
  }
  return moved;
}

torch::Tensor Model::embed(const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  if (!batch.ids.defined()) {
    throw ShapeError("ids", "embed needs ids [batch, pos]");
  }
  const auto low = batch.ids.min().item<std::int64_t>();
  const auto high = batch.ids.max().item<std::int64_t>();
  if (low < 0 || high >= config().vocab) {
    throw ShapeError(
        "ids",
        c10::str(
            "id ",
            low < 0 ? low : high,
            " is outside the vocabulary of ",
            config().vocab,
            " tokens"));
  }
  const TokenBatch moved = prepare(batch);
  const auto guard = hooks_->use_batch(moved);
  return network_->embed(moved);
}

torch::Tensor Model::run_blocks(
    const torch::Tensor& x,
    std::int64_t first,
    std::int64_t last,
    const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  if (first < 0 || first > last || last > config().n_layers) {
    throw ShapeError(
        "run_blocks",
        c10::str(
            "blocks [",
            first,
            ", ",
            last,
            ") are not within [0, ",
            config().n_layers,
            ")"));
  }
  if (x.dim() != 3 || x.size(2) != config().d_model ||
      x.scalar_type() != dtype()) {
    throw ShapeError(
        "run_blocks",
        c10::str(
            "expected ",
            dtype(),
            " [batch, pos, ",
            config().d_model,
            "], got ",
            x.scalar_type(),
            " ",
            x.sizes()));
  }
  const TokenBatch moved = prepare(batch);
  const auto guard = hooks_->use_batch(moved);
  return network_->run_blocks(x, first, last, moved);
}

torch::Tensor Model::unembed(
    const torch::Tensor& x,
    const torch::Tensor& positions,
    const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  const TokenBatch moved = prepare(batch);
  const auto guard = hooks_->use_batch(moved);
  if (!positions.defined()) {
    return network_->unembed(x);
  }
  const auto flat = positions.to(device());
  if (network_->has_output_hooks()) {
    return network_->unembed(x).flatten(0, 1).index_select(
        /*dim=*/0, flat); // [n, vocab]
  }
  return network_
      ->unembed(x.flatten(0, 1).index_select(/*dim=*/0, flat).unsqueeze(0))
      .squeeze(0); // [n, vocab]
}

TokenScores Model::score(
    const torch::Tensor& x,
    const torch::Tensor& positions,
    const torch::Tensor& targets,
    const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  const auto wanted = targets.to(device());
  if (network_->has_output_hooks()) {
    const auto logits = unembed(x, positions, batch);
    const auto precise = logits.to(
        dtype() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
    const auto chosen =
        precise.gather(/*dim=*/1, wanted.unsqueeze(1)).squeeze(1);
    return {
        at::logsumexp(precise, /*dim=*/1) - chosen,
        logits.argmax(/*dim=*/1) == wanted};
  }
  return network_->score(
      x.flatten(0, 1).index_select(/*dim=*/0, positions.to(device())), wanted);
}

torch::Tensor Model::forward(const TokenBatch& batch) const {
  return unembed(
      run_blocks(embed(batch), 0, config().n_layers, batch), {}, batch);
}

std::pair<torch::Tensor, ActivationCache> Model::run_with_cache(
    const TokenBatch& batch, const std::vector<std::string>& patterns) const {
  ActivationCache cache;
  std::vector<HookHandle> handles;
  for (const std::string& pattern : patterns) {
    handles.push_back(
        add_hook(pattern, [&cache](const torch::Tensor& x, const HookSite& at) {
          cache.insert(at.name, x);
          return x;
        }));
  }
  auto logits = forward(batch);
  return {std::move(logits), std::move(cache)};
}

} // namespace ma
