// Tells image files apart by their first bytes.
#include "libma/io/image/decode.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "libma/core/error.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view kJpeg = "\xFF\xD8\xFF";
constexpr std::string_view kPng = "\x89PNG\r\n\x1A\n";

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What the bytes are, for a message.
std::string describe(Bytes bytes) {
  using namespace std::string_view_literals; // NOLINT
  static constexpr std::array kKinds{
      std::pair{"GIF8"sv, "a GIF image"},
      std::pair{"BM"sv, "a BMP image"},
      std::pair{"II*\0"sv, "a TIFF image"},
      std::pair{"MM\0*"sv, "a TIFF image"},
      std::pair{"\0\0\0\x0CjP  "sv, "a JPEG 2000 image"},
      std::pair{"\xFF\x0A"sv, "a JPEG XL image"},
      std::pair{"%PDF"sv, "a PDF document"},
      std::pair{"\x1F\x8B"sv, "a gzip archive"},
      std::pair{"PK\x03\x04"sv, "a ZIP archive"},
      std::pair{"<"sv, "a text that starts with '<'"},
  };
  const std::string_view text = as_text(bytes);
  if (text.empty()) {
    return "an empty file";
  }
  if (text.starts_with("RIFF") &&
      text.substr(std::min<std::size_t>(8, text.size())).starts_with("WEBP")) {
    return "a WebP image";
  }
  if (text.size() >= 12 && text.substr(4, 4) == "ftyp") {
    return "an AVIF, HEIC or MP4 file";
  }
  for (const auto& [start, kind] : kKinds) {
    if (text.starts_with(start)) {
      return kind;
    }
  }
  return "a file that starts with " + in_quotes(text.substr(0, 8));
}

} // namespace

void check_image_size(ImageSize size, const std::string& where) {
  const std::string sides =
      std::to_string(size.height) + " x " + std::to_string(size.width);
  if (size.height < 1 || size.width < 1) {
    throw FileError(where, "holds an image of " + sides + " pixels");
  }
  if (size.height > kMostPixels / size.width) {
    throw FileError(
        where,
        "an image of " + sides + " pixels is too large; images of more than " +
            std::to_string(kMostPixels) + " are refused, as in Pillow");
  }
}

RgbImage decode_rgb(Bytes bytes, const std::string& where) {
  const std::string_view text = as_text(bytes);
  if (text.starts_with(kJpeg)) {
    return decode_jpeg(bytes, where);
  }
  if (text.starts_with(kPng)) {
    return decode_png(bytes, where);
  }
  throw FileError(
      where, "expected a JPEG or PNG image, got " + describe(bytes));
}

} // namespace ma
