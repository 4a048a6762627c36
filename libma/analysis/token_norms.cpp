// One norm for each token, then scalars.
#include "libma/analysis/token_norms.h"

#include <cmath>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

/// float64 [batch, pos] on the CPU; only the norms are float64.
torch::Tensor norms_of(const torch::Tensor& x) {
  const auto dtype =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return at::linalg_vector_norm(x, /*ord=*/2, /*dim=*/{-1}, false, dtype)
      .to(torch::kCPU, torch::kFloat64)
      .contiguous();
}

/// torch.median: the lower of two middles.
double median_of(const double* values, std::int64_t count) {
  return at::from_blob(
             const_cast<double*>(values), // NOLINT: it only reads
             {count},
             torch::kFloat64)
      .median()
      .item<double>();
}

void count_above(
    HighNormCount& high,
    const double* norms,
    std::int64_t count,
    double bound) {
  std::int64_t above = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    above += norms[i] > bound ? 1 : 0;
  }
  high.patches += above;
  high.images += above > 0 ? 1 : 0;
}

/// The patches of one image.
void add_patches(
    BlockNorms& block,
    const TokenNormOptions& options,
    const double* norms,
    std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    block.kinds.back().add(norms[i]);
    block.histogram.add(norms[i]);
    if (norms[i] > 0) {
      block.log_moments.add(std::log(norms[i]));
    }
  }
  count_above(block.above_threshold, norms, count, options.threshold);
  count_above(
      block.above_ratio, norms, count, options.ratio * median_of(norms, count));
}

} // namespace

TokenNormAccumulator::TokenNormAccumulator(
    std::int64_t n_layers,
    std::vector<std::string> kinds,
    TokenNormOptions options) {
  for (const auto& [name, value] :
       {std::pair("threshold", options.threshold),
        std::pair("ratio", options.ratio)}) {
    if (!(value >= 0)) {
      throw ConfigError(
          "token norms",
          c10::str("option '", name, "' is ", value, "; give 0 or more"));
    }
  }
  found_.options = options;
  found_.layers.resize(static_cast<std::size_t>(n_layers));
  for (BlockNorms& block : found_.layers) {
    block.kinds.resize(kinds.size());
  }
  found_.kinds = std::move(kinds);
}

void TokenNormAccumulator::observe(std::int64_t layer, const torch::Tensor& x) {
  const auto n_layers = static_cast<std::int64_t>(found_.layers.size());
  const auto n_prefix = static_cast<std::int64_t>(found_.kinds.size()) - 1;
  if (layer < 0 || layer >= n_layers || x.dim() != 3 || x.size(1) <= n_prefix) {
    throw ShapeError(
        "token norms",
        c10::str(
            "cannot look at ",
            x.sizes(),
            " after block ",
            layer,
            " of ",
            n_layers,
            "; expected [batch, pos, d_model] with more than ",
            n_prefix,
            " tokens"));
  }
  const auto norms = norms_of(x); // [batch, pos]
  if (!at::isfinite(norms).all().item<bool>()) {
    throw ConfigError(
        "token norms",
        c10::str(
            "a token's norm after block ",
            layer,
            " is not finite in ",
            x.scalar_type(),
            "; use float32 or bfloat16"));
  }
  BlockNorms& block = found_.layers[static_cast<std::size_t>(layer)];
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    const double* values = norms.const_data_ptr<double>() + row * norms.size(1);
    for (std::int64_t token = 0; token < n_prefix; ++token) {
      block.kinds[static_cast<std::size_t>(token)].add(values[token]);
    }
    add_patches(
        block, found_.options, values + n_prefix, norms.size(1) - n_prefix);
  }
  block.n_images += x.size(0);
}

TokenNorms TokenNormAccumulator::finish() const {
  TokenNorms found = found_;
  found.n_images = found.layers.empty() ? 0 : found.layers.front().n_images;
  for (const BlockNorms& block : found.layers) {
    if (block.n_images == 0 || block.n_images != found.n_images) {
      throw ShapeError(
          "token norms",
          "no images were seen, or not the same number after each block");
    }
  }
  return found;
}

} // namespace ma
