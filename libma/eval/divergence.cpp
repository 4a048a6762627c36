// With z the logits and Z the sum of their exponentials,
//   KL(p || q) = (log Z_q - E_p[z_q]) - (log Z_p - E_p[z_p]):
// products of p and the edited logits, added up while the softmax runs. The
// second bracket is the entropy of p.
#include "libma/eval/divergence.h"

#include <algorithm>
#include <utility>

namespace ma {
namespace {

torch::Tensor to_host(const torch::Tensor& x) {
  return x.to(torch::kCPU, torch::kFloat64);
}

/// Sum over the columns of a x b, [n, columns] and contiguous: float64 [n]. A
/// function of their bits and shape alone, so that equal logits cancel.
torch::Tensor row_products(const torch::Tensor& a, const torch::Tensor& b) {
  return at::bmm(a.unsqueeze(1), b.unsqueeze(2)).view({-1}).to(torch::kFloat64);
}

/// The logits of given tokens, one a row, as slices of the vocabulary come by.
class TargetLogits {
 public:
  explicit TargetLogits(const torch::Tensor& targets) : targets_(targets) {}

  void see(const torch::Tensor& logits, std::int64_t first) {
    if (!found_.defined()) {
      targets_ = targets_.to(logits.device());
      found_ = at::zeros({logits.size(0)}, logits.options());
    }
    const auto columns = logits.size(1);
    const auto local = (targets_ - first).clamp(0, columns - 1);
    const auto is_here =
        (targets_ >= first).logical_and(targets_ < first + columns);
    const auto here = logits.gather(/*dim=*/1, local.unsqueeze(1)).squeeze(1);
    found_ = at::where(is_here, here, found_);
  }

  const torch::Tensor& found() const { return found_; } // [n]

 private:
  torch::Tensor targets_;
  torch::Tensor found_;
};

/// The most likely token of each row, the first of equals, as slices come by.
class TopTokens {
 public:
  void see(const torch::Tensor& logits, std::int64_t first) {
    const auto [values, columns] = logits.max(/*dim=*/1);
    if (!best_.defined()) {
      best_ = values;
      tokens_ = columns + first;
      return;
    }
    const auto is_better = values > best_;
    tokens_ = at::where(is_better, columns + first, tokens_);
    best_ = at::maximum(values, best_);
  }

  const torch::Tensor& tokens() const { return tokens_; } // int64 [n]

 private:
  torch::Tensor best_;
  torch::Tensor tokens_;
};

} // namespace

ReferencePredictions::ReferencePredictions(
    const Model& model,
    ScoredTokens tokens,
    const torch::Tensor& stream,
    TokenBatch batch)
    : model_(model), tokens_(std::move(tokens)), batch_(std::move(batch)) {
  TargetLogits target(tokens_.targets);
  TopTokens top;
  const auto see = [&](const torch::Tensor& logits, std::int64_t first) {
    target.see(logits, first);
    top.see(logits, first);
    parts_.push_back({first, logits.clone(at::MemoryFormat::Contiguous)});
  };
  const auto nll =
      model_.score(stream, tokens_.positions, tokens_.targets, batch_, see)
          .nll_nats;
  const auto log_total = (nll + target.found()).unsqueeze(1); // [n, 1]
  torch::Tensor expected;                                     // float64 [n]
  for (Part& part : parts_) {
    const auto logits = part.probabilities;
    part.probabilities = (logits - log_total).exp_();
    const auto products = row_products(part.probabilities, logits);
    expected = expected.defined() ? expected + products : products;
  }
  top_ = top.tokens();
  nll_nats_ = to_host(nll);
  entropy_nats_ = nll_nats_ + to_host(target.found()) - to_host(expected);
}

TokenDivergence ReferencePredictions::itself() const {
  return {
      nll_nats_,
      at::zeros_like(nll_nats_),
      at::ones(nll_nats_.sizes(), torch::kBool)};
}

torch::Tensor ReferencePredictions::expected_logits(
    const torch::Tensor& logits, std::int64_t first) const {
  torch::Tensor expected;
  for (const Part& part : parts_) {
    const auto low = std::max(first, part.first);
    const auto high = std::min(
        first + logits.size(1), part.first + part.probabilities.size(1));
    if (low < high) {
      const auto products = row_products(
          part.probabilities
              .slice(/*dim=*/1, low - part.first, high - part.first)
              .contiguous(),
          logits.slice(/*dim=*/1, low - first, high - first).contiguous());
      expected = expected.defined() ? expected + products : products;
    }
  }
  return expected;
}

TokenDivergence ReferencePredictions::compare(
    const torch::Tensor& stream) const {
  TargetLogits target(tokens_.targets);
  torch::Tensor expected; // float64 [n]
  const auto see = [&](const torch::Tensor& logits, std::int64_t first) {
    target.see(logits, first);
    const auto products = expected_logits(logits, first);
    expected = expected.defined() ? expected + products : products;
  };
  // Whether the reference's most likely token is the most likely one is asked
  // of the score too.
  const auto n = nll_nats_.size(0);
  const auto scores = model_.score(
      stream,
      at::cat({tokens_.positions, tokens_.positions}),
      at::cat({tokens_.targets, top_.to(tokens_.targets.device())}),
      batch_,
      see);
  const auto nll = to_host(scores.nll_nats.slice(/*dim=*/0, 0, n));
  const auto cross_entropy = nll + to_host(target.found()) - to_host(expected);
  return {
      nll,
      (cross_entropy - entropy_nats_).clamp_min(0),
      scores.is_greedy.slice(/*dim=*/0, n).to(torch::kCPU)};
}

} // namespace ma
