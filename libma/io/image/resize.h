// Resizing images exactly as Pillow does.
#pragma once

#include <torch/types.h>

#include "libma/io/image/resample.h"

namespace ma {

/// `image`, uint8 [height, width, 3], resized to `size`: the bytes of Pillow's
/// `Image.resize`. Throws ShapeError when it is no image, ConfigError unless
/// height and width of `size` are at least 1 and their product is at most
/// Pillow's bound on images.
torch::Tensor resize_image(
    const torch::Tensor& image,
    ImageSize size,
    Resample filter = Resample::kBicubic);

} // namespace ma
