// Tensors over the memory that the decoders fill.
#include "libma/io/image/image.h"

#include <utility>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/image/decode.h"
#include "libma/io/mapped_file.h"

namespace ma {

torch::Tensor to_tensor(RgbImage image) {
  std::uint8_t* const bytes = image.bytes.release();
  return torch::from_blob(
      bytes,
      {image.size.height, image.size.width, 3},
      [bytes](void*) { delete[] bytes; },
      torch::kUInt8);
}

torch::Tensor decode_image(
    std::span<const std::uint8_t> bytes, const std::string& where) {
  return to_tensor(decode_rgb(bytes, where));
}

torch::Tensor read_image(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return decode_image(file->bytes(), path.string());
}

ImageSize check_image(const torch::Tensor& image, const std::string& where) {
  if (!image.defined() || image.scalar_type() != torch::kUInt8 ||
      image.dim() != 3 || image.size(2) != 3 || image.numel() == 0 ||
      !image.device().is_cpu()) {
    throw ShapeError(
        where,
        "expected an image, uint8 [height, width, 3] on the CPU, got " +
            (image.defined() ? c10::str(
                                   c10::toString(image.scalar_type()),
                                   " ",
                                   image.sizes(),
                                   " on ",
                                   image.device())
                             : std::string("nothing")));
  }
  return {image.size(0), image.size(1)};
}

} // namespace ma
