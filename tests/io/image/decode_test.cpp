// Pixels are compared with Pillow's in tests/python/test_images.py; here are
// files that are no images, or not whole.
#include "libma/io/image/decode.h"

#include <functional>
#include <random>

#include "../io_test_support.h"
#include "image_test_support.h"

namespace ma {
namespace {

using testing::jpeg_bytes;
using testing::make_image;
using testing::png_bytes;

RgbImage decode(const std::string& bytes) {
  return decode_rgb(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
      "archive.tar:x");
}

std::string error_of(const std::string& bytes) {
  try {
    decode(bytes);
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

TEST(DecodeTest, PngKeepsEveryByte) {
  const RgbImage image = make_image({5, 7});
  const RgbImage read = decode(png_bytes(image));
  ASSERT_EQ(read.size, image.size);
  EXPECT_EQ(std::memcmp(read.bytes.get(), image.bytes.get(), 105), 0);
}

TEST(DecodeTest, SaysWhatAFileIsThatCannotBeRead) {
  EXPECT_EQ(
      error_of("GIF89a..."),
      "[archive.tar:x] expected a JPEG or PNG image, got a GIF image");
  EXPECT_THAT(
      error_of(std::string("RIFF\1\2\3\4WEBPVP8 ")),
      ::testing::HasSubstr("a WebP image"));
  EXPECT_THAT(error_of(""), ::testing::HasSubstr("an empty file"));
  EXPECT_THAT(
      error_of("hello\n"),
      ::testing::HasSubstr("a file that starts with 'hello\\x0a'"));
}

TEST(DecodeTest, TruncatedImagesSayWhere) {
  const RgbImage image = make_image({64, 64});
  const std::string jpeg = jpeg_bytes(image, /*is_progressive=*/false);
  EXPECT_THAT(
      error_of(jpeg.substr(0, jpeg.size() / 2)),
      ::testing::HasSubstr("is truncated: the JPEG data end at row"));
  EXPECT_THAT(
      error_of(jpeg.substr(0, 30)),
      ::testing::HasSubstr("is truncated: the JPEG image ends in its header"));
  const std::string png = png_bytes(image);
  EXPECT_THAT(
      error_of(png.substr(0, png.size() / 2)),
      ::testing::HasSubstr("the file is truncated"));
}

TEST(DecodeTest, RefusesWhatPillowTakesForADecompressionBomb) {
  EXPECT_NO_THROW(check_image_size({1, kMostPixels}, "x"));
  try {
    check_image_size({60'000, 60'000}, "x");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("60000 x 60000"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("178956970"));
  }
}

/// Every damaged copy is an image or a FileError. Both must occur, else the
/// test proves little.
void expect_only_file_errors(const std::string& bytes) {
  std::mt19937 random(20240531); // NOLINT: a fixed seed
  const auto below = [&random](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  int n_errors = 0;
  int n_images = 0;
  const auto attempt = [&](const std::string& copy) {
    try {
      decode(copy);
      ++n_images;
    } catch (const FileError& error) {
      ++n_errors;
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  };
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    attempt(bytes.substr(0, at));
  }
  for (int round = 0; round < 2000; ++round) {
    std::string copy = bytes;
    for (std::size_t i = 0; i <= below(3); ++i) {
      char& byte = copy[below(copy.size())];
      byte = static_cast<char>(
          static_cast<unsigned char>(byte) + (1U << below(8)));
    }
    attempt(copy);
  }
  EXPECT_GT(n_errors, 50);
  EXPECT_GT(n_images, 0);
}

TEST(DecodeFuzzTest, DamagedBaselineJpegIsAnImageOrAnError) {
  expect_only_file_errors(
      jpeg_bytes(make_image({40, 33}), /*is_progressive=*/false));
}

TEST(DecodeFuzzTest, DamagedProgressiveJpegIsAnImageOrAnError) {
  expect_only_file_errors(
      jpeg_bytes(make_image({40, 33}), /*is_progressive=*/true));
}

TEST(DecodeFuzzTest, DamagedPngIsAnImageOrAnError) {
  // Random bytes do not compress, so that some damage is to values only.
  RgbImage image({40, 33});
  std::mt19937 random(7); // NOLINT: a fixed seed
  for (std::int64_t i = 0; i < 3960; ++i) {
    image.bytes[i] = static_cast<std::uint8_t>(random());
  }
  expect_only_file_errors(png_bytes(image));
}

} // namespace
} // namespace ma
