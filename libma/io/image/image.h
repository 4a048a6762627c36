// Image files as tensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <torch/types.h>

#include "libma/io/image/rgb_image.h"

namespace ma {

/// The image of a JPEG or PNG file, uint8 [height, width, 3], red first: the
/// bytes of Pillow's `Image.open(path).convert("RGB")`. EXIF's orientation is
/// ignored, alpha is dropped.
///
/// Throws FileError, one line that names the file, when it cannot be read, is
/// of another type, broken or truncated, or holds more than 178,956,970 pixels.
torch::Tensor read_image(const std::filesystem::path& path);

/// The same for the bytes of a file; `where` stands for its name in errors.
torch::Tensor decode_image(
    std::span<const std::uint8_t> bytes, const std::string& where);

/// `image` as a tensor [height, width, 3] that owns its memory.
torch::Tensor to_tensor(RgbImage image);

/// Throws ShapeError, located at `where`, unless `image` is uint8
/// [height, width, 3] on the CPU with at least one pixel. Returns its size.
ImageSize check_image(const torch::Tensor& image, const std::string& where);

} // namespace ma
