// Cutting images up, and bicubic tables of positions.
#include "libma/nn/patches.h"

namespace ma::nn {

torch::Tensor to_patches(
    const torch::Tensor& pixels,
    const PatchGrid& grid,
    std::int64_t patch_height,
    std::int64_t patch_width) {
  return pixels.narrow(/*dim=*/2, 0, grid.rows * patch_height)
      .narrow(/*dim=*/3, 0, grid.columns * patch_width)
      .unflatten(/*dim=*/3, {grid.columns, patch_width})
      .unflatten(/*dim=*/2, {grid.rows, patch_height})
      .permute({0, 2, 4, 1, 3, 5}) // [batch, row, column, channel, ...]
      .reshape({pixels.size(0), grid.count(), -1});
}

torch::Tensor resize_positions(
    const torch::Tensor& table,
    const PatchGrid& from,
    const PatchGrid& to,
    const PositionResize& options) {
  if (from == to) {
    return table;
  }
  const auto dtype = table.scalar_type();
  const auto precise =
      options.in_float32 && dtype != torch::kFloat64 ? torch::kFloat32 : dtype;
  const auto image = table.to(precise)
                         .view({1, from.rows, from.columns, -1})
                         .permute({0, 3, 1, 2}); // [1, d_model, row, column]
  const std::int64_t size[] = {to.rows, to.columns};
  const auto resized =
      options.antialias
          ? at::_upsample_bicubic2d_aa(image, size, /*align_corners=*/false)
          : at::upsample_bicubic2d(image, size, /*align_corners=*/false);
  return resized.permute({0, 2, 3, 1})
      .reshape({to.count(), table.size(1)})
      .to(dtype);
}

} // namespace ma::nn
