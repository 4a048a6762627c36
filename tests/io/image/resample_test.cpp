// The bytes are compared with Pillow's in tests/python/test_images.py.
#include "libma/io/image/resample.h"

#include <random>

#include "image_test_support.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using testing::make_image;

TEST(ResampleTest, AWindowIsTheCropOfTheWhole) {
  std::mt19937 random(3); // NOLINT: a fixed seed
  const auto up_to = [&random](std::int64_t limit) {
    return std::uniform_int_distribution<std::int64_t>(1, limit)(random);
  };
  for (int round = 0; round < 300; ++round) {
    const RgbImage image = make_image({up_to(90), up_to(90)}, 89);
    const ImageSize target = {
        round % 5 == 0 ? image.size.height : up_to(90),
        round % 7 == 0 ? image.size.width : up_to(90)};
    ImageWindow window;
    window.size = {up_to(target.height), up_to(target.width)};
    window.top = up_to(target.height - window.size.height + 1) - 1;
    window.left = up_to(target.width - window.size.width + 1) - 1;
    const auto filter = static_cast<Resample>(round % 5);
    const RgbImage whole = resample_rgb(
        image.bytes.get(), image.size, target, filter, {.size = target});
    const RgbImage part =
        resample_rgb(image.bytes.get(), image.size, target, filter, window);
    ASSERT_EQ(part.size, window.size);
    for (std::int64_t y = 0; y < window.size.height; ++y) {
      ASSERT_EQ(
          std::memcmp(
              part.row(y),
              whole.row(window.top + y) + 3 * window.left,
              3 * window.size.width),
          0)
          << "round " << round << " row " << y;
    }
  }
}

TEST(ResampleTest, AnEvenColourStays) {
  RgbImage image({13, 200});
  std::memset(image.bytes.get(), 201, 7800);
  const RgbImage out = resample_rgb(
      image.bytes.get(),
      image.size,
      {50, 31},
      Resample::kBicubic,
      {.size = {50, 31}});
  for (std::int64_t i = 0; i < 4650; ++i) {
    ASSERT_EQ(out.bytes[i], 201);
  }
}

TEST(ResampleTest, NamesAreThoseOfTheFilters) {
  for (const std::string& name : resample_names()) {
    EXPECT_EQ(to_string(resample_named(name, "x")), name);
  }
  EXPECT_THROW(resample_named("nearest", "x"), UnknownNameError);
}

} // namespace
} // namespace ma
