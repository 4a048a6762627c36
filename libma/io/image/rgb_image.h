// An image as plain memory: what the decoders and the resampler work on.
#pragma once

#include <cstdint>
#include <memory>

namespace ma {

struct ImageSize {
  std::int64_t height = 0; ///< pixels
  std::int64_t width = 0;  ///< pixels

  bool operator==(const ImageSize&) const = default;
};

/// Bytes [height, width, 3], red first; not initialised by the constructor.
struct RgbImage {
  RgbImage() = default;
  explicit RgbImage(ImageSize its_size)
      : size(its_size),
        bytes(
            std::make_unique_for_overwrite<std::uint8_t[]>(
                static_cast<std::size_t>(its_size.height * its_size.width) *
                3)) {}

  std::uint8_t* row(std::int64_t y) const {
    return bytes.get() + y * size.width * 3;
  }

  ImageSize size;
  std::unique_ptr<std::uint8_t[]> bytes;
};

} // namespace ma
