// JPEG through libjpeg(-turbo) with its default settings, as Pillow's
// JpegDecode.c uses it.
//
// libjpeg leaves by longjmp, which must not pass a C++ object that has a
// destructor: `guarded` is the only function that calls setjmp, and what it
// runs holds plain values only.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "libma/core/error.h"
#include "libma/io/image/decode.h"

namespace ma {
namespace {

/// What libjpeg's callbacks see; `base` comes first, so that a pointer to it is
/// one to this.
struct ErrorState {
  jpeg_error_mgr base;
  std::jmp_buf jump;
};

void leave(j_common_ptr info) {
  std::longjmp(reinterpret_cast<ErrorState*>(info->err)->jump, 1);
}

void keep_silent(j_common_ptr /*info*/) {}

void do_nothing(j_decompress_ptr /*info*/) {}

/// The data are over: libjpeg suspends, which the reader takes for truncation.
boolean suspend(j_decompress_ptr /*info*/) {
  return FALSE;
}

void skip_bytes(j_decompress_ptr info, long count) {
  if (count > 0) {
    const auto skipped =
        std::min(static_cast<std::size_t>(count), info->src->bytes_in_buffer);
    info->src->next_input_byte += skipped;
    info->src->bytes_in_buffer -= skipped;
  }
}

class JpegReader {
 public:
  JpegReader(std::span<const std::uint8_t> bytes, const std::string& where)
      : where_(where) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = leave;
    errors_.base.output_message = keep_silent;
    source_.init_source = do_nothing;
    source_.fill_input_buffer = suspend;
    source_.skip_input_data = skip_bytes;
    source_.resync_to_restart = jpeg_resync_to_restart;
    source_.term_source = do_nothing;
    source_.next_input_byte = bytes.data();
    source_.bytes_in_buffer = bytes.size();
    guarded([this] { jpeg_create_decompress(&info_); });
    info_.src = &source_;
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info_); }

  RgbImage read() {
    read_header();
    RgbImage image(
        {static_cast<std::int64_t>(info_.image_height),
         static_cast<std::int64_t>(info_.image_width)});
    bool is_complete = false;
    guarded([this, &is_complete] {
      is_complete = jpeg_start_decompress(&info_) == TRUE;
    });
    if (!is_complete) {
      fail_truncated();
    }
    if (info_.out_color_space == JCS_CMYK) {
      std::vector<std::uint8_t> inks(4UL * info_.image_width);
      for (std::int64_t y = 0; y < image.size.height; ++y) {
        read_row(inks.data());
        mix_inks(inks.data(), image.row(y));
      }
    } else {
      for (std::int64_t y = 0; y < image.size.height; ++y) {
        read_row(image.row(y));
      }
    }
    return image;
  }

 private:
  /// Runs `step`, which calls libjpeg and must own nothing. Throws FileError
  /// with libjpeg's words when it fails.
  template <class Step>
  void guarded(const Step& step) {
    if (setjmp(errors_.jump) == 0) { // NOLINT
      step();
      return;
    }
    char message[JMSG_LENGTH_MAX] = {};
    errors_.base.format_message(
        reinterpret_cast<j_common_ptr>(&info_), message);
    throw FileError(where_, std::string("is a broken JPEG image: ") + message);
  }

  void read_header() {
    int state = JPEG_SUSPENDED;
    guarded([this, &state] {
      do {
        state = jpeg_read_header(&info_, FALSE);
      } while (state == JPEG_HEADER_TABLES_ONLY);
    });
    if (state == JPEG_SUSPENDED) {
      throw FileError(
          where_, "is truncated: the JPEG image ends in its header");
    }
    const int layers = info_.num_components;
    if (info_.data_precision != 8 ||
        (layers != 1 && layers != 3 && layers != 4)) {
      throw FileError(
          where_,
          "is a JPEG image of " + std::to_string(layers) + " components of " +
              std::to_string(info_.data_precision) +
              " bits; 1, 3 or 4 of 8 bits can be read");
    }
    check_image_size(
        {static_cast<std::int64_t>(info_.image_height),
         static_cast<std::int64_t>(info_.image_width)},
        where_);
    info_.out_color_space = layers == 4 ? JCS_CMYK : JCS_RGB;
  }

  void read_row(std::uint8_t* row) {
    JDIMENSION n_read = 0;
    guarded([this, row, &n_read] {
      std::uint8_t* rows[] = {row};
      n_read = jpeg_read_scanlines(&info_, rows, 1);
    });
    if (n_read != 1) {
      fail_truncated();
    }
  }

  /// Inverted CMYK, as Adobe writes it, to RGB: Pillow's "CMYK;I" and cmyk2rgb.
  void mix_inks(const std::uint8_t* inks, std::uint8_t* rgb) const {
    for (JDIMENSION x = 0; x < info_.image_width; ++x, inks += 4, rgb += 3) {
      const unsigned light = inks[3];
      for (int c = 0; c < 3; ++c) {
        const unsigned product = (255U - inks[c]) * light + 128U;
        rgb[c] = static_cast<std::uint8_t>(
            light - (((product >> 8U) + product) >> 8U));
      }
    }
  }

  [[noreturn]] void fail_truncated() const {
    throw FileError(
        where_,
        "is truncated: the JPEG data end at row " +
            std::to_string(info_.output_scanline) + " of " +
            std::to_string(info_.image_height));
  }

  const std::string& where_;
  jpeg_decompress_struct info_ = {};
  jpeg_source_mgr source_ = {};
  ErrorState errors_ = {};
};

} // namespace

RgbImage decode_jpeg(
    std::span<const std::uint8_t> bytes, const std::string& where) {
  return JpegReader(bytes, where).read();
}

} // namespace ma
