// Row by row statistics of a matrix.
#include "libma/analysis/token_shapes.h"

#include <algorithm>
#include <tuple>

#include "libma/core/error.h"

namespace ma {

TokenShapes token_shapes(const torch::Tensor& x, std::int64_t top) {
  if (x.dim() != 2 || !x.is_floating_point() || x.size(1) < 2) {
    throw ShapeError(
        "token shapes",
        c10::str(
            "expected floating [n, d] with d >= 2, got ",
            x.scalar_type(),
            " ",
            x.sizes()));
  }
  const auto values = x.to(
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
  const auto squares = values.square();
  const auto sums = squares.sum(/*dim=*/1); // [n]
  const auto [largest, largest_dims] =
      squares.topk(std::clamp<std::int64_t>(top, 2, x.size(1)), /*dim=*/1);
  const auto dims = largest_dims.narrow(/*dim=*/1, 0, std::min(top, x.size(1)));
  return {
      .rms = (sums / x.size(1)).sqrt().to(torch::kCPU),
      .top_dims = dims.to(torch::kCPU),
      .top_values = values.gather(/*dim=*/1, dims).to(torch::kCPU),
      .top_share = (largest.narrow(/*dim=*/1, 0, 2).sum(/*dim=*/1) / sums)
                       .to(torch::kCPU),
      .effective_dims =
          (sums.square() / squares.square().sum(/*dim=*/1)).to(torch::kCPU),
      .median = std::get<0>(values.abs().median(/*dim=*/1)).to(torch::kCPU)};
}

torch::Tensor cosines(const torch::Tensor& x, const torch::Tensor& y) {
  const auto unit = [](const torch::Tensor& vectors) {
    const auto v = vectors.to(torch::kCPU, torch::kFloat64)
                       .transpose(0, 1); // [head, n, d]
    return v / v.norm(/*p=*/2, /*dim=*/2, /*keepdim=*/true);
  };
  return at::matmul(unit(x), unit(y).transpose(1, 2)); // [head, n, m]
}

} // namespace ma
