// The resampler over tensors.
#include "libma/io/image/resize.h"

#include <string>

#include "libma/core/error.h"
#include "libma/io/image/decode.h"
#include "libma/io/image/image.h"

namespace ma {

torch::Tensor resize_image(
    const torch::Tensor& image, ImageSize size, Resample filter) {
  const ImageSize from = check_image(image, "resize_image");
  if (size.height < 1 || size.width < 1 ||
      size.height > kMostPixels / size.width) {
    throw ConfigError(
        "resize_image",
        "expected a height and a width of at least 1 and at most " +
            std::to_string(kMostPixels) + " pixels, got " +
            std::to_string(size.height) + " x " + std::to_string(size.width));
  }
  const auto pixels = image.contiguous();
  return to_tensor(resample_rgb(
      pixels.const_data_ptr<std::uint8_t>(),
      from,
      size,
      filter,
      {.size = size}));
}

} // namespace ma
