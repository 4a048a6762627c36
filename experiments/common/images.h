// What experiments on images have in common: the keys of a set of images and
// of a vision model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/common/find.h"
#include "experiments/common/record.h"

#include "libma/core/yaml.h"
#include "libma/eval/image_source.h"
#include "libma/models/vision_model.h"

namespace ma::experiments {

/// Which images, and how they become pixels.
struct ImageSettings {
  std::filesystem::path path; ///< a folder, a tar file or a CIFAR file
  ImageSetOptions options;
  std::string recipe; ///< name of a recipe; empty: the checkpoint's own
  std::int64_t batch = 32;
};

/// The keys `images` (path), `class_names`, `per_class`, `limit`, `recipe` and
/// `batch` of a map; relative paths start at `folder`. Throws ConfigError.
ImageSettings read_images(
    const Yaml& yaml, const std::filesystem::path& folder);

/// Opens the images. Throws as ImageSet::open and the readers of recipes do.
ImageSource open_images(
    const ImageSettings& settings, const std::filesystem::path& model_folder);

/// The folder of the model's checkpoint.
std::filesystem::path folder_of(const VisionModel& model);

/// Loads the vision model of the key `model`.
VisionModel load_vision_model(
    const ModelSettings& settings, const std::filesystem::path& home);

/// Says on the log which images were left out; nothing when there are none.
void log_left_out(const std::string& name, const ImageReport& report);

/// SHA-256 of a set's archive, or of its names and sizes where it is a folder.
std::string hash_images(const ImageSet& set);

} // namespace ma::experiments
