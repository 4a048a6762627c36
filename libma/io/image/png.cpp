// PNG through libpng; what becomes of each colour type is Pillow's choice.
//
// libpng leaves by longjmp, which must not pass a C++ object that has a
// destructor: `guarded` is the only function that calls setjmp, and what it
// runs holds plain values only.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <png.h>

#include "libma/core/error.h"
#include "libma/io/image/decode.h"

namespace ma {
namespace {

struct ErrorState {
  std::jmp_buf jump;
  std::array<char, 160> message;
};

struct Source {
  const std::uint8_t* next;
  std::size_t left;
};

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  auto* const state = static_cast<ErrorState*>(png_get_error_ptr(png));
  std::snprintf(state->message.data(), state->message.size(), "%s", message);
  std::longjmp(state->jump, 1);
}

void keep_silent(png_structp /*png*/, png_const_charp /*message*/) {}

void take_bytes(png_structp png, png_bytep into, std::size_t count) {
  auto* const source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->left) {
    png_error(png, "the file is truncated");
  }
  std::memcpy(into, source->next, count);
  source->next += count;
  source->left -= count;
}

class PngReader {
 public:
  PngReader(std::span<const std::uint8_t> bytes, const std::string& where)
      : where_(where), source_{bytes.data(), bytes.size()} {
    guarded([this] {
      png_ = png_create_read_struct(
          PNG_LIBPNG_VER_STRING, &errors_, leave, keep_silent);
      info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    });
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw std::bad_alloc();
    }
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  RgbImage read() {
    read_header();
    RgbImage image(
        {static_cast<std::int64_t>(png_get_image_height(png_, info_)),
         static_cast<std::int64_t>(png_get_image_width(png_, info_))});
    // An interlaced image comes in passes over the whole of it.
    const std::int64_t kept_rows = n_passes_ == 1 ? 1 : image.size.height;
    std::vector<std::uint8_t> raw(row_bytes_ * kept_rows);
    for (int pass = 0; pass < n_passes_; ++pass) {
      for (std::int64_t y = 0; y < image.size.height; ++y) {
        std::uint8_t* const row = raw.data() + y % kept_rows * row_bytes_;
        guarded([this, row] { png_read_row(png_, row, nullptr); });
        if (pass == n_passes_ - 1) {
          to_rgb(row, image.size.width, image.row(y));
        }
      }
    }
    return image;
  }

 private:
  /// Runs `step`, which calls libpng and must own nothing. Throws FileError
  /// with libpng's words when it fails.
  template <class Step>
  void guarded(const Step& step) {
    if (setjmp(errors_.jump) == 0) { // NOLINT
      step();
      return;
    }
    throw FileError(
        where_,
        std::string("is a broken PNG image: ") + errors_.message.data());
  }

  void read_header() {
    guarded([this] {
      png_set_read_fn(png_, &source_, take_bytes);
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      // Only IHDR, PLTE, IDAT and IEND say what the pixels are.
      png_set_keep_unknown_chunks(
          png_, PNG_HANDLE_CHUNK_NEVER, nullptr, /*num_chunks=*/-1);
      png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
      png_read_info(png_, info_);
    });
    check_image_size(
        {static_cast<std::int64_t>(png_get_image_height(png_, info_)),
         static_cast<std::int64_t>(png_get_image_width(png_, info_))},
        where_);
    color_ = png_get_color_type(png_, info_);
    depth_ = png_get_bit_depth(png_, info_);
    guarded([this] {
      // Pillow does not look at the checksums of IDAT, only at zlib's.
      png_set_crc_action(png_, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
      png_set_check_for_invalid_index(png_, 0);
      png_set_packing(png_);
      n_passes_ = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      row_bytes_ = png_get_rowbytes(png_, info_);
    });
    make_shades();
  }

  /// The colour of each value that a grey or palette image can hold. What a
  /// palette leaves out is black, as in Pillow.
  void make_shades() {
    const int most = depth_ == 1 ? 1 : depth_ == 2 ? 3 : depth_ == 4 ? 15 : 255;
    for (int value = 0; value < 256; ++value) {
      const int grey = color_ == PNG_COLOR_TYPE_PALETTE
                           ? 0
                           : std::min(value, most) * 255 / most;
      shades_[value].fill(static_cast<std::uint8_t>(grey));
    }
    png_colorp palette = nullptr;
    int n_colors = 0;
    if (color_ == PNG_COLOR_TYPE_PALETTE &&
        png_get_PLTE(png_, info_, &palette, &n_colors) != 0) {
      for (int i = 0; i < n_colors; ++i) {
        shades_[i] = {palette[i].red, palette[i].green, palette[i].blue};
      }
    }
  }

  void to_rgb(
      const std::uint8_t* raw, std::int64_t width, std::uint8_t* rgb) const {
    const std::ptrdiff_t sample = depth_ == 16 ? 2 : 1; // bytes
    const std::ptrdiff_t pixel = png_get_channels(png_, info_) * sample;
    if (color_ == PNG_COLOR_TYPE_RGB || color_ == PNG_COLOR_TYPE_RGB_ALPHA) {
      for (std::int64_t x = 0; x < width; ++x, raw += pixel) {
        *rgb++ = raw[0];
        *rgb++ = raw[sample];
        *rgb++ = raw[2 * sample];
      }
      return;
    }
    const bool clips = depth_ == 16 && color_ == PNG_COLOR_TYPE_GRAY;
    for (std::int64_t x = 0; x < width; ++x, raw += pixel, rgb += 3) {
      const int value = !clips ? raw[0] : raw[0] == 0 ? raw[1] : 255;
      std::memcpy(rgb, shades_[value].data(), 3);
    }
  }

  const std::string& where_;
  Source source_;
  ErrorState errors_ = {};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int n_passes_ = 1;
  std::size_t row_bytes_ = 0;
  int color_ = 0;
  int depth_ = 8; // bits a sample in the file
  std::array<std::array<std::uint8_t, 3>, 256> shades_ = {};
};

} // namespace

RgbImage decode_png(
    std::span<const std::uint8_t> bytes, const std::string& where) {
  return PngReader(bytes, where).read();
}

} // namespace ma
