// Reads, decodes and crops images ahead, in threads, while the model works.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "libma/io/image/image_set.h"
#include "libma/io/image/recipe.h"

namespace ma {

struct ImageLoaderOptions {
  std::int64_t batch = 50;  ///< images
  std::int64_t workers = 0; ///< threads; 0: one for each core, at most 8
};

/// Images that go through the model together.
struct ImageBatch {
  torch::Tensor pixels;  ///< float32 [batch, 3, h, w]
  torch::Tensor labels;  ///< int64 [batch], -1 without classes
  torch::Tensor indices; ///< int64 [batch], into the set
};

/// The images of a set in batches, in its order, whatever the number of
/// threads. An image that cannot be read is left out: the next one takes its
/// place in the batch. Images are held back as 8-bit crops, at most a batch and
/// two for each worker.
class ImageLoader {
 public:
  /// The set must outlive the loader. Throws ConfigError when an option is out
  /// of range, or images of the recipe differ in size.
  ImageLoader(
      const ImageSet& set,
      const ImageRecipe& recipe,
      const ImageLoaderOptions& options = {});
  ~ImageLoader();
  ImageLoader(const ImageLoader&) = delete;
  ImageLoader& operator=(const ImageLoader&) = delete;

  /// The next batch, the last one possibly smaller; nothing at the end. Throws
  /// FileError at the end when no image at all could be read.
  std::optional<ImageBatch> next();

  /// Images given out so far.
  std::int64_t n_read() const;

  /// One line for each image left out so far, in the order of the set.
  const std::vector<std::string>& problems() const;

 private:
  class Queue;
  std::unique_ptr<Queue> queue_;
  const ImageSet& set_;
  PixelNormalizer normalizer_;
  ImageSize size_; // of the crops
  std::int64_t batch_;
  std::int64_t n_read_ = 0;
  std::vector<std::string> problems_;
};

} // namespace ma
