// Labelled images: a folder, a tar archive or a CIFAR file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <torch/types.h>

#include "libma/io/image/class_labels.h"
#include "libma/io/image/rgb_image.h"
#include "libma/io/mapped_file.h"

namespace ma {

struct ImageSetOptions {
  /// A file whose line n names class n, such as ImageNet's synsets; empty:
  /// classes are the folders, in alphabetical order.
  std::filesystem::path class_names = {};
  std::int64_t per_class = 0; ///< only the first of each class; 0: all
  std::int64_t limit = 0;     ///< only the first; 0: all
};

/// A list of images that are decoded when they are read. `path` is
///
/// - a folder of images, or of a folder for each class (torchvision's
///   ImageFolder), sorted by class and name;
/// - an uncompressed tar of such a folder, mapped into memory; folders that
///   all members share are not counted;
/// - a `.bin` file of CIFAR-10 or CIFAR-100 (fine labels), in its own order.
///
/// With `class_names`, images without class folders are of the class before
/// the first underscore of their name.
class ImageSet {
 public:
  /// Throws FileError when there is no image, or the set is damaged;
  /// ConfigError when an option does not fit it.
  static ImageSet open(
      const std::filesystem::path& path, const ImageSetOptions& options = {});

  std::int64_t size() const { return static_cast<std::int64_t>(items_.size()); }
  const std::filesystem::path& path() const { return path_; }
  const std::vector<ImageItem>& items() const { return items_; }
  const std::vector<std::string>& classes() const { return classes_; }

  /// What errors call image `index`: its path, or `archive.tar:member`.
  std::string where(std::int64_t index) const;

  /// Image `index`, uint8 [height, width, 3]. Threads may share a set. Throws
  /// FileError when the image cannot be read, ShapeError when there is no such
  /// index.
  torch::Tensor read(std::int64_t index) const;

  /// The same on plain memory, for threads that must not call torch.
  RgbImage read_rgb(std::int64_t index) const;

 private:
  using Bytes = std::span<const std::uint8_t>;

  ImageSet() = default;
  void open_folder(const std::vector<std::string>& class_names);
  void open_tar(const std::vector<std::string>& class_names);
  void open_cifar();
  void classify(
      const std::vector<std::string>& names,
      const std::vector<std::string>& class_names);
  void select(const ImageSetOptions& options);

  std::filesystem::path path_;
  std::vector<ImageItem> items_;
  std::vector<std::string> classes_;
  std::shared_ptr<const MappedFile> file_; // of an archive or a CIFAR file
  std::vector<Bytes> contents_;            // of each item, inside file_
  bool is_cifar_ = false;
};

} // namespace ma
