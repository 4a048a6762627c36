// Images as rows of patches, and tables of positions for grids of them
// (Dosovitskiy et al. 2021).
#pragma once

#include <cstdint>

#include "libma/core/tensor.h"

namespace ma::nn {

/// Rows and columns of patches.
struct PatchGrid {
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  std::int64_t count() const { return rows * columns; }
  bool operator==(const PatchGrid&) const = default;
};

/// Patches of `pixels` [batch, channel, height, width] in rows from the top
/// left, as many as `grid` has, each channel by channel and row by row: [batch,
/// patch, channel x patch height x patch width].
torch::Tensor to_patches(
    const torch::Tensor& pixels,
    const PatchGrid& grid,
    std::int64_t patch_height,
    std::int64_t patch_width);

/// How a table of positions is fitted to another grid: bicubic.
struct PositionResize {
  bool antialias = false;
  bool in_float32 = false; ///< half-precision tables too
};

/// `table` [patch, d_model] of the grid `from`, for the grid `to`.
torch::Tensor resize_positions(
    const torch::Tensor& table,
    const PatchGrid& from,
    const PatchGrid& to,
    const PositionResize& options);

} // namespace ma::nn
