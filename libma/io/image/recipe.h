// How an image becomes a model's input: resize, crop, rescale, normalise.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "libma/io/image/resample.h"

namespace ma {

enum class ResizeKind {
  kNone,
  kShortestEdge, ///< the other edge keeps the ratio, rounded down
  kExact,        ///< height and width as given
};

/// Which of the middle pixels a crop keeps when it cannot be in the middle.
enum class CropRule {
  kTorchvision,  ///< halves go to the even row, or down when it pads
  kTransformers, ///< halves go down, or up when it pads
};

/// The preprocessing of one checkpoint. What a crop takes from outside the
/// image is 0 before rescaling.
struct ImageRecipe {
  std::string name; ///< of the recipe, or the file that it comes from
  ResizeKind resize = ResizeKind::kNone;
  ImageSize size; ///< of kExact; both edges the shortest of kShortestEdge
  Resample resample = Resample::kBicubic;
  std::optional<ImageSize> crop; ///< from the centre
  CropRule crop_rule = CropRule::kTorchvision;
  double rescale_factor = 1.0 / 255; ///< what 8-bit values are multiplied by
  std::array<double, 3> mean = {};   ///< subtracted, red first
  std::array<double, 3> std = {1.0, 1.0, 1.0}; ///< divided by
};

/// The recipe of that name: files of configs/images, compiled in. Throws
/// UnknownNameError.
ImageRecipe named_image_recipe(const std::string& name);

/// Their names, in alphabetical order.
std::vector<std::string> image_recipe_names();

/// The recipe of a checkpoint folder: `preprocessor_config.json` of a Hugging
/// Face image processor (ViT, DeiT, CLIP, BiT, SigLIP; the one inside
/// `processor_config.json` too), or else `pretrained_cfg` of a timm
/// `config.json`. Throws FileError when there is neither, ConfigError, naming
/// the key, when a value is not supported.
ImageRecipe image_recipe_of_folder(const std::filesystem::path& folder);

/// A name of `image_recipe_names`, or else the path of a folder.
ImageRecipe image_recipe(const std::string& name_or_folder);

/// The size of every image that `recipe` makes; nothing where that depends on
/// the image.
std::optional<ImageSize> output_size(const ImageRecipe& recipe);

/// `image`, uint8 [height, width, 3], resized and cropped: uint8 [h, w, 3], the
/// bytes that the library of the recipe has before it rescales. Throws
/// ShapeError when it is no image.
torch::Tensor preprocess_pixels(
    const torch::Tensor& image, const ImageRecipe& recipe);

/// The model's input, float32 [3, h, w]: (pixels * rescale_factor - mean) / std
/// of `preprocess_pixels`, each step in float32 but the first, which is rounded
/// to it from double.
torch::Tensor preprocess(const torch::Tensor& image, const ImageRecipe& recipe);

/// The same on plain memory, for threads that must not call torch.
RgbImage crop_pixels(
    const std::uint8_t* pixels, ImageSize size, const ImageRecipe& recipe);

/// Rescales and normalises: one value for each byte and channel.
class PixelNormalizer {
 public:
  explicit PixelNormalizer(const ImageRecipe& recipe);

  /// `pixels` [n, 3] to `planes` [3, n].
  void apply(const std::uint8_t* pixels, std::int64_t n, float* planes) const;

 private:
  std::array<std::array<float, 256>, 3> values_;
};

} // namespace ma
