#include "libma/io/image/recipe.h"

#include "../io_test_support.h"
#include "image_test_support.h"

namespace ma {
namespace {

using testing::TempDir;

/// The row of an image of `height` rows at which a crop of `crop` rows begins.
int first_row(std::int64_t height, std::int64_t crop, CropRule rule) {
  RgbImage image({height, 1});
  for (std::int64_t y = 0; y < height; ++y) {
    std::memset(image.row(y), static_cast<int>(y) + 100, 3);
  }
  ImageRecipe recipe;
  recipe.crop = ImageSize{crop, 1};
  recipe.crop_rule = rule;
  const RgbImage part = crop_pixels(image.bytes.get(), image.size, recipe);
  int begin = part.row(0)[0] - 100;
  for (std::int64_t y = 0; part.row(y)[0] == 0; ++y) { // padding
    begin = -static_cast<int>(y) - 1;
  }
  return begin;
}

TEST(RecipeTest, CropsOddRestsAsEachLibraryDoes) {
  const auto torchvision = [](std::int64_t height, std::int64_t crop) {
    return first_row(height, crop, CropRule::kTorchvision);
  };
  const auto transformers = [](std::int64_t height, std::int64_t crop) {
    return first_row(height, crop, CropRule::kTransformers);
  };
  EXPECT_EQ(torchvision(9, 8), 0);  // round(0.5) = 0
  EXPECT_EQ(torchvision(11, 8), 2); // round(1.5) = 2
  EXPECT_EQ(torchvision(13, 8), 2); // round(2.5) = 2
  EXPECT_EQ(transformers(9, 8), 0);
  EXPECT_EQ(transformers(11, 8), 1);
  EXPECT_EQ(transformers(13, 8), 2);
  EXPECT_EQ(torchvision(5, 8), -1);  // padding of 3 // 2 above
  EXPECT_EQ(transformers(5, 8), -2); // of ceil(3 / 2)
  EXPECT_EQ(torchvision(6, 8), -1);
  EXPECT_EQ(transformers(6, 8), -1);
}

TEST(RecipeTest, NamedRecipesAreThoseOfTheFiles) {
  EXPECT_THAT(
      image_recipe_names(),
      ::testing::IsSupersetOf({"dinov2-native", "timm-dinov2", "timm-vit"}));
  const ImageRecipe recipe = named_image_recipe("timm-vit");
  EXPECT_EQ(recipe.size, (ImageSize{248, 248}));
  EXPECT_EQ(recipe.crop, (ImageSize{224, 224}));
  EXPECT_EQ(recipe.mean[1], 0.5);
  EXPECT_THROW(named_image_recipe("timm-vitt"), UnknownNameError);
}

std::string error_of(const std::string& file, const std::string& json) {
  const TempDir dir;
  dir.write(file, json);
  try {
    image_recipe_of_folder(dir.path());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RecipeTest, UnsupportedSettingsAreNamed) {
  const auto of_processor = [](const std::string& settings) {
    return error_of(
        "preprocessor_config.json",
        R"({"image_processor_type": "CLIPImageProcessor")" + settings + "}");
  };
  using ::testing::HasSubstr;
  EXPECT_EQ(of_processor(""), "no error");
  EXPECT_THAT(
      of_processor(R"(, "do_pad": true)"),
      HasSubstr("'do_pad': is not supported"));
  EXPECT_EQ(of_processor(R"(, "do_pad": null)"), "no error");
  EXPECT_THAT(
      of_processor(R"(, "size": {"longest_edge": 3})"),
      HasSubstr("size: expected shortest_edge, or height and width"));
  EXPECT_THAT(of_processor(R"(, "resample": 0)"), HasSubstr("resample: "));
  EXPECT_THAT(
      of_processor(R"(, "crop_size": 0)"), HasSubstr("crop_size: expected 1"));
  EXPECT_THAT(
      of_processor(R"(, "image_std": [1, 0, 1])"), HasSubstr("image_std: "));
  EXPECT_THAT(
      error_of("preprocessor_config.json", "{}"),
      HasSubstr("image_processor_type: is missing"));
  EXPECT_THAT(
      error_of(
          "config.json",
          R"({"pretrained_cfg": {"input_size": [3, 224, 224],
              "crop_pct": 0.9, "crop_mode": "squash"}})"),
      HasSubstr("crop_mode: expected 'center', got \"squash\""));
}

TEST(RecipeTest, ReadsTimmsConfig) {
  const TempDir dir;
  dir.write(
      "config.json",
      R"({"pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.9,
          "interpolation": "bilinear", "mean": [0.1, 0.2, 0.3],
          "std": [0.4, 0.5, 0.6]}})");
  const ImageRecipe recipe = image_recipe(dir.path().string());
  EXPECT_EQ(recipe.size, (ImageSize{248, 248}));
  EXPECT_EQ(recipe.resample, Resample::kBilinear);
  EXPECT_EQ(recipe.crop_rule, CropRule::kTorchvision);
  EXPECT_EQ(recipe.std[2], 0.6);
}

TEST(RecipeTest, AFolderWithoutSettingsIsAnError) {
  const TempDir dir;
  EXPECT_THROW(image_recipe_of_folder(dir.path()), FileError);
}

} // namespace
} // namespace ma
