// Small images as the bytes of JPEG and PNG files, and tar archives of them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

// Not in alphabetical order: jpeglib.h needs stdio's FILE.
#include <jpeglib.h>
#include <png.h>

#include "libma/io/image/rgb_image.h"

namespace ma::testing {

/// Byte i is `i * step`, so that rows, columns and channels differ.
inline RgbImage make_image(ImageSize size, int step = 37) {
  RgbImage image(size);
  for (std::int64_t i = 0; i < size.height * size.width * 3; ++i) {
    image.bytes[i] = static_cast<std::uint8_t>(i * step);
  }
  return image;
}

inline std::string png_bytes(const RgbImage& image) {
  png_image header = {};
  header.version = PNG_IMAGE_VERSION;
  header.height = static_cast<png_uint_32>(image.size.height);
  header.width = static_cast<png_uint_32>(image.size.width);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string bytes(size, '\0');
  png_image_write_to_memory(
      &header, bytes.data(), &size, 0, image.bytes.get(), 0, nullptr);
  bytes.resize(size);
  return bytes;
}

inline std::string jpeg_bytes(const RgbImage& image, bool is_progressive) {
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_height = static_cast<JDIMENSION>(image.size.height);
  info.image_width = static_cast<JDIMENSION>(image.size.width);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  if (is_progressive) {
    jpeg_simple_progression(&info);
  }
  jpeg_start_compress(&info, TRUE);
  for (std::int64_t y = 0; y < image.size.height; ++y) {
    std::uint8_t* row = image.row(y);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::string bytes(reinterpret_cast<char*>(memory), size);
  std::free(memory); // NOLINT: libjpeg took it from malloc
  return bytes;
}

/// A tar header (ustar) and its content, padded.
inline std::string tar_member(
    const std::string& name, const std::string& content, char kind = '0') {
  std::string header(512, '\0');
  const auto put = [&header](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  const auto octal = [](std::size_t value, int digits) {
    char text[32];
    std::snprintf(text, sizeof(text), "%0*zo", digits, value);
    return std::string(text);
  };
  put(0, name.substr(0, 100));
  put(100, "0000644");
  put(124, octal(content.size(), 11));
  put(148, "        ");
  header[156] = kind;
  put(257,
      std::string(
          "ustar\0"
          "00",
          8));
  std::size_t sum = 0;
  for (const char byte : header) {
    sum += static_cast<unsigned char>(byte);
  }
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  return header + content +
         std::string((512 - content.size() % 512) % 512, '\0');
}

/// An archive of `members` (name, content), closed as tar closes it.
inline std::string tar_bytes(
    const std::vector<std::pair<std::string, std::string>>& members) {
  std::string bytes;
  for (const auto& [name, content] : members) {
    bytes += tar_member(name, content);
  }
  return bytes + std::string(1024, '\0');
}

} // namespace ma::testing
