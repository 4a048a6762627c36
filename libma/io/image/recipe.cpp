// Carries out a recipe. Only what the crop keeps is resized.
#include "libma/io/image/recipe.h"

#include <algorithm>
#include <cstring>

#include "libma/io/image/decode.h"
#include "libma/io/image/image.h"

namespace ma {
namespace {

ImageSize resized(ImageSize size, const ImageRecipe& recipe) {
  if (recipe.resize == ResizeKind::kNone) {
    return size;
  }
  if (recipe.resize == ResizeKind::kExact) {
    return recipe.size;
  }
  const std::int64_t edge = recipe.size.height;
  return size.width <= size.height
             ? ImageSize{edge * size.height / size.width, edge}
             : ImageSize{edge, edge * size.width / size.height};
}

/// Where a crop of `crop` pixels begins along an edge of `size` pixels;
/// negative when it is larger than the image.
std::int64_t crop_begin(std::int64_t size, std::int64_t crop, CropRule rule) {
  const std::int64_t spare = std::abs(size - crop);
  const std::int64_t half = spare / 2;
  const bool is_odd = spare % 2 != 0;
  if (size < crop) {
    return -(rule == CropRule::kTransformers && is_odd ? half + 1 : half);
  }
  // Python's round: halves to the even number.
  return rule == CropRule::kTorchvision && is_odd ? half + half % 2 : half;
}

/// The part of [begin, begin + count) that lies in [0, size).
std::pair<std::int64_t, std::int64_t> overlap(
    std::int64_t begin, std::int64_t count, std::int64_t size) {
  const std::int64_t first = std::max<std::int64_t>(begin, 0);
  return {first, std::min(begin + count, size) - first};
}

} // namespace

std::optional<ImageSize> output_size(const ImageRecipe& recipe) {
  if (recipe.crop) {
    return recipe.crop;
  }
  if (recipe.resize == ResizeKind::kExact) {
    return recipe.size;
  }
  return std::nullopt;
}

RgbImage crop_pixels(
    const std::uint8_t* pixels, ImageSize size, const ImageRecipe& recipe) {
  const ImageSize target = resized(size, recipe);
  if (!recipe.crop) {
    check_image_size(target, "image recipe " + recipe.name);
    return resample_rgb(
        pixels, size, target, recipe.resample, {.size = target});
  }
  const auto [height, width] = *recipe.crop;
  const std::int64_t y = crop_begin(target.height, height, recipe.crop_rule);
  const std::int64_t x = crop_begin(target.width, width, recipe.crop_rule);
  const auto [top, n_rows] = overlap(y, height, target.height);
  const auto [left, n_columns] = overlap(x, width, target.width);
  RgbImage part = resample_rgb(
      pixels,
      size,
      target,
      recipe.resample,
      {.top = top, .left = left, .size = {n_rows, n_columns}});
  if (part.size == *recipe.crop) {
    return part;
  }
  RgbImage padded(*recipe.crop);
  std::memset(padded.bytes.get(), 0, height * width * 3);
  for (std::int64_t row = 0; row < n_rows; ++row) {
    std::memcpy(
        padded.row(top - y + row) + (left - x) * 3,
        part.row(row),
        n_columns * 3);
  }
  return padded;
}

PixelNormalizer::PixelNormalizer(const ImageRecipe& recipe) {
  for (std::size_t c = 0; c < values_.size(); ++c) {
    const auto mean = static_cast<float>(recipe.mean[c]);
    const auto std = static_cast<float>(recipe.std[c]);
    for (int byte = 0; byte < 256; ++byte) {
      const auto scaled = static_cast<float>(byte * recipe.rescale_factor);
      values_[c][byte] = (scaled - mean) / std;
    }
  }
}

void PixelNormalizer::apply(
    const std::uint8_t* pixels, std::int64_t n, float* planes) const {
  for (std::size_t c = 0; c < values_.size(); ++c, planes += n) {
    for (std::int64_t i = 0; i < n; ++i) {
      planes[i] = values_[c][pixels[3 * i + static_cast<std::int64_t>(c)]];
    }
  }
}

torch::Tensor preprocess_pixels(
    const torch::Tensor& image, const ImageRecipe& recipe) {
  const ImageSize size = check_image(image, "preprocess");
  const auto pixels = image.contiguous();
  return to_tensor(
      crop_pixels(pixels.const_data_ptr<std::uint8_t>(), size, recipe));
}

torch::Tensor preprocess(
    const torch::Tensor& image, const ImageRecipe& recipe) {
  const ImageSize size = check_image(image, "preprocess");
  const auto pixels = image.contiguous();
  const RgbImage crop =
      crop_pixels(pixels.const_data_ptr<std::uint8_t>(), size, recipe);
  auto input =
      torch::empty({3, crop.size.height, crop.size.width}, torch::kFloat32);
  PixelNormalizer(recipe).apply(
      crop.bytes.get(),
      crop.size.height * crop.size.width,
      input.mutable_data_ptr<float>());
  return input; // [3, h, w]
}

} // namespace ma
