#include "libma/io/image/image_loader.h"

#include "../io_test_support.h"
#include "image_test_support.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::make_image;
using testing::png_bytes;
using testing::TempDir;

ImageRecipe small_recipe() {
  ImageRecipe recipe;
  recipe.resize = ResizeKind::kShortestEdge;
  recipe.size = {12, 12};
  recipe.crop = ImageSize{8, 8};
  recipe.mean = {0.5, 0.4, 0.3};
  return recipe;
}

/// Images 00.png, 01.png ... of different sizes; those of `broken` are no
/// images.
void fill(const TempDir& dir, int count, const std::vector<int>& broken) {
  for (int i = 0; i < count; ++i) {
    const bool is_broken =
        std::find(broken.begin(), broken.end(), i) != broken.end();
    const std::string name = std::string(i < 10 ? "0" : "") + std::to_string(i);
    dir.write(
        name + ".png",
        is_broken ? "broken" : png_bytes(make_image({10 + i, 20}, i + 1)));
  }
}

std::vector<std::int64_t> values(const torch::Tensor& tensor) {
  const auto* first = tensor.const_data_ptr<std::int64_t>();
  return {first, first + tensor.numel()};
}

TEST(ImageLoaderTest, TheOrderIsTheSetsWhateverTheNumberOfThreads) {
  const TempDir dir;
  fill(dir, 40, {});
  const auto set = ImageSet::open(dir.path());
  const ImageRecipe recipe = small_recipe();
  for (const std::int64_t workers : {1, 5}) {
    ImageLoader loader(set, recipe, {.batch = 7, .workers = workers});
    std::int64_t next = 0;
    while (const auto batch = loader.next()) {
      for (std::int64_t i = 0; i < batch->pixels.size(0); ++i, ++next) {
        ASSERT_EQ(batch->indices[i].item<std::int64_t>(), next);
        ASSERT_TRUE(
            torch::equal(batch->pixels[i], preprocess(set.read(next), recipe)));
      }
    }
    EXPECT_EQ(next, 40);
    EXPECT_EQ(loader.n_read(), 40);
    EXPECT_FALSE(loader.next());
  }
}

TEST(ImageLoaderTest, BrokenImagesAreLeftOutAndReported) {
  const TempDir dir;
  fill(dir, 6, {0, 3, 5});
  const auto set = ImageSet::open(dir.path());
  ImageLoader loader(set, small_recipe(), {.batch = 2, .workers = 2});
  EXPECT_THAT(values(loader.next().value().indices), ElementsAre(1, 2));
  EXPECT_THAT(values(loader.next().value().indices), ElementsAre(4));
  EXPECT_FALSE(loader.next());
  EXPECT_THAT(
      loader.problems(),
      ElementsAre(
          HasSubstr("00.png] expected a JPEG or PNG image"),
          HasSubstr("03.png"),
          HasSubstr("05.png")));
}

TEST(ImageLoaderTest, NothingReadableIsAnError) {
  const TempDir dir;
  fill(dir, 3, {0, 1, 2});
  const auto set = ImageSet::open(dir.path());
  ImageLoader loader(set, small_recipe());
  try {
    loader.next();
    FAIL();
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("none of the 3 images"));
    EXPECT_THAT(error.what(), HasSubstr("00.png"));
  }
}

TEST(ImageLoaderTest, MayBeLeftInTheMiddle) {
  const TempDir dir;
  fill(dir, 30, {});
  const auto set = ImageSet::open(dir.path());
  for (int i = 0; i < 20; ++i) {
    ImageLoader loader(set, small_recipe(), {.batch = 2, .workers = 3});
    if (i % 2 == 0) {
      loader.next();
    }
  }
}

TEST(ImageLoaderTest, ImagesOfDifferentSizesFitNoBatch) {
  const TempDir dir;
  fill(dir, 1, {});
  const auto set = ImageSet::open(dir.path());
  ImageRecipe recipe = small_recipe();
  recipe.crop = std::nullopt;
  EXPECT_THROW(ImageLoader(set, recipe), ConfigError);
}

} // namespace
} // namespace ma
