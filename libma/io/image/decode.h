// JPEG and PNG files to RGB, byte for byte what Pillow's
// `Image.open(file).convert("RGB")` holds.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "libma/io/image/rgb_image.h"

namespace ma {

/// Twice Pillow's MAX_IMAGE_PIXELS, where it raises DecompressionBombError.
inline constexpr std::int64_t kMostPixels = 2 * (1024LL * 1024 * 1024 / 4 / 3);

/// Throws FileError, located at `where`, unless height and width are at least 1
/// and their product at most `kMostPixels`.
void check_image_size(ImageSize size, const std::string& where);

/// The image that `bytes`, a whole JPEG or PNG file, hold; the first bytes
/// decide which it is. Throws FileError, located at `where`, when they are
/// neither, broken or truncated.
RgbImage decode_rgb(
    std::span<const std::uint8_t> bytes, const std::string& where);

/// Baseline and progressive JPEG of 1, 3 or 4 components (grey; YCbCr or RGB;
/// CMYK or YCCK, inverted as Adobe writes them). EXIF's orientation is ignored.
RgbImage decode_jpeg(
    std::span<const std::uint8_t> bytes, const std::string& where);

/// PNG of every colour type and depth. Alpha is dropped, a 16-bit colour keeps
/// its upper byte, 16-bit grey is clipped to 255, as in Pillow; gamma and the
/// number of significant bits are ignored.
RgbImage decode_png(
    std::span<const std::uint8_t> bytes, const std::string& where);

} // namespace ma
