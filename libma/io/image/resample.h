// Pillow's resampler (Resample.c of Pillow 13): separable, the weights in fixed
// point with 22 bits, each pass rounded to 8 bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/io/image/rgb_image.h"

namespace ma {

/// The filters by Pillow's names. Each is widened when an image shrinks, so
/// that all are antialiased.
enum class Resample { kBox, kBilinear, kHamming, kBicubic, kLanczos };

/// "box", "bilinear", "hamming", "bicubic", "lanczos".
const std::vector<std::string>& resample_names();

/// The filter of that name. Throws UnknownNameError, located at `where`.
Resample resample_named(const std::string& name, const std::string& where);

std::string to_string(Resample filter);

/// A rectangle of an image.
struct ImageWindow {
  std::int64_t top = 0;  ///< pixels, first row
  std::int64_t left = 0; ///< pixels, first column
  ImageSize size;
};

/// The part `window` of `pixels` [size.height, size.width, 3] resized to
/// `target`: what cropping the resized image gives, at the cost of the part.
/// The window must lie within `target`.
RgbImage resample_rgb(
    const std::uint8_t* pixels,
    ImageSize size,
    ImageSize target,
    Resample filter,
    const ImageWindow& window);

} // namespace ma
