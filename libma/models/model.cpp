// Passes through a model, and their argument checks.
#include "libma/models/model.h"

#include <ATen/core/grad_mode.h>

#include "libma/core/error.h"

namespace ma {
namespace {

/// Throws ShapeError unless `indices` is int64 [n] within [0, limit).
void check_indices(
    const char* name, const torch::Tensor& indices, std::int64_t limit) {
  if (indices.dim() != 1 || indices.scalar_type() != torch::kInt64) {
    throw ShapeError(
        name,
        c10::str(
            "expected int64 [n], got ",
            indices.scalar_type(),
            " ",
            indices.sizes()));
  }
  if (indices.numel() > 0 && (indices.min().item<std::int64_t>() < 0 ||
                              indices.max().item<std::int64_t>() >= limit)) {
    throw ShapeError(name, c10::str("an index is outside [0, ", limit, ")"));
  }
}

/// Each position once, and where each was put; the latter undefined when all
/// differ. Choices of one token have the same position.
std::pair<torch::Tensor, torch::Tensor> unique_positions(
    const torch::Tensor& positions) {
  auto [unique, inverse, counts] =
      at::_unique2(positions, /*sorted=*/true, /*return_inverse=*/true);
  return unique.size(0) == positions.size(0)
             ? std::pair(positions, torch::Tensor())
             : std::pair(std::move(unique), std::move(inverse));
}

/// `logits` in the precision in which a softmax runs.
torch::Tensor in_softmax_precision(const torch::Tensor& logits) {
  return logits.to(
      logits.scalar_type() == torch::kFloat64 ? torch::kFloat64
                                              : torch::kFloat32);
}

} // namespace

Model::Model(
    std::unique_ptr<Decoder> network,
    std::shared_ptr<HookTable> hooks,
    torch::TensorOptions options,
    std::vector<std::filesystem::path> files)
    : HookedModel(std::move(hooks), options, std::move(files)),
      network_(std::move(network)) {}

const Tokenizer& Model::tokenizer() const {
  if (!tokenizer_) {
    if (files().empty()) {
      throw FileError(
          "tokenizer", "the model was made in memory and comes with none");
    }
    const auto& first = files().front();
    tokenizer_ = load_tokenizer(
        first.extension() == ".gguf" ? first : first.parent_path());
  }
  return *tokenizer_;
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
  const TokenBatch moved = batch.to(device());
  const auto guard = hook_table().use_batch(moved);
  return network_->embed(moved);
}

torch::Tensor Model::run_network(
    const torch::Tensor& x,
    std::int64_t first,
    std::int64_t last,
    const TokenBatch& batch) const {
  return network_->run_blocks(x, first, last, batch);
}

torch::Tensor Model::unembed(
    const torch::Tensor& x,
    const torch::Tensor& positions,
    const TokenBatch& batch) const {
  const at::NoGradGuard no_grad;
  check_stream("unembed", x);
  const TokenBatch moved = batch.to(device());
  const auto guard = hook_table().use_batch(moved);
  if (!positions.defined()) {
    return network_->unembed(x);
  }
  check_indices("positions", positions, x.size(0) * x.size(1));
  if (network_->has_output_hooks()) {
    const auto logits = network_->unembed(x).flatten(0, 1);
    return logits.index_select(
        /*dim=*/0, positions.to(logits.device())); // [n, vocab]
  }
  const auto flat = positions.to(x.device());
  return network_
      ->unembed(x.flatten(0, 1).index_select(/*dim=*/0, flat).unsqueeze(0))
      .squeeze(0); // [n, vocab]
}

TokenScores Model::score(
    const torch::Tensor& x,
    const torch::Tensor& positions,
    const torch::Tensor& targets,
    const TokenBatch& batch,
    const LogitSliceFn& on_slice) const {
  const at::NoGradGuard no_grad;
  check_stream("score", x);
  check_predicts("score");
  check_indices("positions", positions, x.size(0) * x.size(1));
  check_indices("targets", targets, config().vocab);
  if (positions.sizes() != targets.sizes()) {
    throw ShapeError(
        "score",
        c10::str(
            "positions ",
            positions.sizes(),
            " and targets ",
            targets.sizes(),
            " must have the same shape"));
  }
  const auto [rows, row_of_target] = unique_positions(positions);
  if (network_->has_output_hooks()) {
    auto logits = in_softmax_precision(unembed(x, rows, batch));
    if (on_slice) {
      on_slice(logits, /*first=*/0);
    }
    if (row_of_target.defined()) {
      logits = logits.index_select(
          /*dim=*/0, row_of_target.to(logits.device()));
    }
    const auto wanted = targets.to(logits.device());
    const auto chosen =
        logits.gather(/*dim=*/1, wanted.unsqueeze(1)).squeeze(1);
    return {
        at::logsumexp(logits, /*dim=*/1) - chosen,
        logits.argmax(/*dim=*/1) == wanted};
  }
  return network_->score(
      x.flatten(0, 1).index_select(/*dim=*/0, rows.to(x.device())),
      targets,
      row_of_target,
      on_slice);
}

void Model::check_predicts(const char* where) const {
  if (config().d_text > 0) {
    throw ConfigError(
        where,
        c10::str(
            "a ",
            config().architecture,
            " predicts no tokens: its head gives embeddings of texts; use a "
            "language model"));
  }
}

torch::Tensor Model::forward(const TokenBatch& batch) const {
  return unembed(
      run_blocks(embed(batch), 0, config().n_layers, batch), {}, batch);
}

torch::Tensor Model::extend(
    const TokenBatch& batch,
    nn::KeyValueCache& cache,
    const torch::Tensor& positions) const {
  const at::NoGradGuard no_grad;
  const TokenBatch next = cache.follow(batch.to(device()));
  auto x = embed(next);
  {
    const auto guard = hook_table().use_batch(next);
    x = network_->run_blocks(std::move(x), 0, config().n_layers, next, &cache);
  }
  auto logits = unembed(x, positions, next);
  cache.advance(next);
  return logits;
}

std::pair<torch::Tensor, ActivationCache> Model::run_with_cache(
    const TokenBatch& batch, const std::vector<std::string>& patterns) const {
  ActivationCache cache;
  const auto handles = fill(cache, patterns);
  auto logits = forward(batch);
  return {std::move(logits), std::move(cache)};
}

} // namespace ma
