// Lists images; their bytes are touched when they are read.
#include "libma/io/image/image_set.h"

#include <map>
#include <system_error>
#include <utility>

#include "libma/core/error.h"
#include "libma/io/image/archive.h"
#include "libma/io/image/decode.h"
#include "libma/io/image/image.h"

namespace ma {
namespace {

constexpr std::int64_t kSide = 32; // of CIFAR's images
constexpr std::size_t kPixels = kSide * kSide;

std::vector<std::string> images_below(const std::filesystem::path& folder) {
  using Options = std::filesystem::directory_options;
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(
      folder, Options::follow_directory_symlink, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator();
       entry.increment(error)) {
    std::string name =
        entry->path().lexically_relative(folder).generic_string();
    std::error_code is_odd;
    if (is_image_name(name) && entry->is_regular_file(is_odd)) {
      names.push_back(std::move(name));
    }
  }
  if (error) {
    throw FileError(
        folder.string(), "cannot list the folder: " + error.message());
  }
  return names;
}

/// Bytes of the labels before each image: 1 for CIFAR-10, 2 for CIFAR-100.
std::size_t label_bytes(const MappedFile& file) {
  const std::size_t size = file.bytes().size();
  for (const std::size_t labels : {1UL, 2UL}) {
    if (size > 0 && size % (labels + 3 * kPixels) == 0) {
      return labels;
    }
  }
  throw FileError(
      file.path().string(),
      "is no CIFAR file: " + std::to_string(size) +
          " bytes are no multiple of 3073 (CIFAR-10) or 3074 (CIFAR-100)");
}

RgbImage from_planes(std::span<const std::uint8_t> planes) {
  RgbImage image({kSide, kSide});
  for (std::size_t i = 0; i < kPixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      image.bytes[3 * i + c] = planes[c * kPixels + i];
    }
  }
  return image;
}

} // namespace

ImageSet ImageSet::open(
    const std::filesystem::path& path, const ImageSetOptions& options) {
  if (options.per_class < 0 || options.limit < 0) {
    throw ConfigError(
        path.string(),
        "per_class and limit must be at least 0, got " +
            std::to_string(options.per_class) + " and " +
            std::to_string(options.limit));
  }
  ImageSet set;
  set.path_ = path;
  const auto class_names = options.class_names.empty()
                               ? std::vector<std::string>()
                               : read_class_names(options.class_names);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    set.open_folder(class_names);
  } else {
    set.file_ = MappedFile::open(path);
    if (path.extension() == ".bin") {
      if (!class_names.empty()) {
        throw ConfigError(
            path.string(), "class_names: a CIFAR file has labels of its own");
      }
      set.open_cifar();
    } else {
      set.open_tar(class_names);
    }
  }
  if (set.items_.empty()) {
    throw FileError(
        path.string(), "holds no images; JPEG and PNG files can be read");
  }
  set.select(options);
  return set;
}

void ImageSet::classify(
    const std::vector<std::string>& names,
    const std::vector<std::string>& class_names) {
  ClassifiedImages images = classify_images(names, class_names, path_.string());
  items_ = std::move(images.items);
  classes_ = std::move(images.classes);
  if (!contents_.empty()) {
    std::vector<Bytes> sorted;
    sorted.reserve(images.order.size());
    for (const std::size_t i : images.order) {
      sorted.push_back(contents_[i]);
    }
    contents_ = std::move(sorted);
  }
}

void ImageSet::open_folder(const std::vector<std::string>& class_names) {
  classify(images_below(path_), class_names);
}

void ImageSet::open_tar(const std::vector<std::string>& class_names) {
  const Bytes bytes = file_->bytes();
  if (!is_tar(bytes)) {
    const bool is_gzip =
        bytes.size() > 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
    throw FileError(
        path_.string(),
        is_gzip ? "is compressed; unpack it with gunzip first"
                : "expected a folder of images, a tar archive or a CIFAR "
                  ".bin file");
  }
  std::vector<std::string> names;
  for (TarMember& member : read_tar(*file_)) {
    if (is_image_name(member.name)) {
      names.push_back(std::move(member.name));
      contents_.push_back(member.bytes);
    }
  }
  strip_common_folders(names);
  classify(names, class_names);
}

void ImageSet::open_cifar() {
  is_cifar_ = true;
  const std::size_t labels = label_bytes(*file_);
  const std::size_t record = labels + 3 * kPixels;
  const auto names =
      path_.parent_path() /
      (labels == 1 ? "batches.meta.txt" : "fine_label_names.txt");
  std::error_code error;
  if (std::filesystem::exists(names, error)) {
    classes_ = read_class_names(names);
  } else {
    for (int label = 0; label < (labels == 1 ? 10 : 100); ++label) {
      classes_.push_back(std::to_string(label));
    }
  }
  const Bytes bytes = file_->bytes();
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    const std::size_t label = bytes[at + labels - 1]; // CIFAR-100: the fine one
    const std::string name = std::to_string(at / record);
    if (label >= classes_.size()) {
      throw FileError(
          path_.string() + ":" + name,
          "label " + std::to_string(label) + " is outside the " +
              std::to_string(classes_.size()) + " classes");
    }
    items_.push_back({name, static_cast<std::int64_t>(label), classes_[label]});
    contents_.push_back(bytes.subspan(at + labels, 3 * kPixels));
  }
}

void ImageSet::select(const ImageSetOptions& options) {
  if (options.per_class > 0 && items_.front().label < 0) {
    throw ConfigError(
        path_.string(),
        "per_class: these images have no classes; give class_names, or use "
        "limit");
  }
  std::map<std::int64_t, std::int64_t> n_of;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const bool is_full =
        options.limit > 0 && std::cmp_equal(kept, options.limit);
    const bool is_surplus =
        options.per_class > 0 && ++n_of[items_[i].label] > options.per_class;
    if (is_full || is_surplus) {
      continue;
    }
    if (kept != i) {
      items_[kept] = std::move(items_[i]);
      if (!contents_.empty()) {
        contents_[kept] = contents_[i];
      }
    }
    ++kept;
  }
  items_.resize(kept);
  contents_.resize(contents_.empty() ? 0 : kept);
}

std::string ImageSet::where(std::int64_t index) const {
  const std::string& name = items_.at(index).name;
  return file_ == nullptr ? (path_ / name).string()
                          : path_.string() + ":" + name;
}

RgbImage ImageSet::read_rgb(std::int64_t index) const {
  if (index < 0 || index >= size()) {
    throw ShapeError(
        path_.string(),
        "image " + std::to_string(index) + " is outside the " +
            std::to_string(size()) + " of the set");
  }
  if (is_cifar_) {
    return from_planes(contents_[index]);
  }
  if (file_ != nullptr) {
    return decode_rgb(contents_[index], where(index));
  }
  const auto file = MappedFile::open(where(index));
  return decode_rgb(file->bytes(), where(index));
}

torch::Tensor ImageSet::read(std::int64_t index) const {
  return to_tensor(read_rgb(index));
}

} // namespace ma
