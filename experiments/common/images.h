// What experiments on images have in common: a loaded model, the key `images`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiments/common/find.h"
#include "experiments/common/run.h"
#include <nlohmann/json.hpp>

#include "libma/core/yaml.h"
#include "libma/eval/image_source.h"
#include "libma/io/image/image_loader.h"
#include "libma/io/image/image_set.h"
#include "libma/io/image/recipe.h"
#include "libma/models/vision_config.h"
#include "libma/models/vision_model.h"

namespace ma::experiments {

struct ImagesSettings {
  std::filesystem::path path; ///< as for ImageSet::open
  ImageSetOptions set;
  std::string recipe; ///< a name or a folder; empty: the model's own
  ImageLoaderOptions loader;
};

/// The model that the key `model` names. Throws as load_vision_model does.
VisionModel load_vision_model(
    const ModelSettings& model,
    const Run& run,
    std::int64_t n_test_registers = 0);

/// A record's device, dtype and model files; the rest is to be filled in.
Findings findings_of(const VisionModel& model);

/// A map with `path`, `class_names`, `per_class`, `limit`, `recipe`, `batch`
/// and `workers`; relative paths start at `folder`. Throws ConfigError.
ImagesSettings read_images(
    const Yaml& yaml, const std::filesystem::path& folder = {});

/// The recipe that the settings name, or else that of the model's folder.
/// Throws as image_recipe does.
ImageRecipe find_recipe(
    const ImagesSettings& settings,
    const std::string& model,
    const std::filesystem::path& home);

/// The images with their recipe. Throws as ImageSet::open and image_recipe do.
ImageSource open_images(
    const ImagesSettings& settings,
    const std::string& model,
    const std::filesystem::path& home);

/// Says on the log which images were left out; nothing when there are none.
void log_left_out(const std::string& name, const ImageReport& report);

/// SHA-256 of what decides the pixels and labels of a source: the archive, or
/// names, sizes and times of its files; labels; the recipe.
std::string hash_images(const ImageSource& source);

/// What belongs on record once the loader is through: how many images were
/// read, which were not, how they were prepared, and their hash_images.
nlohmann::json describe_images(
    const ImageSource& source, const ImageLoader& loader);

/// Looks whether model, recipe and images are there and prints what loading the
/// model would do; `fits` throws ConfigError when settings name what the model
/// does not have. Throws Problems.
void check_vision_model(
    const ModelSettings& model,
    const std::vector<ImagesSettings>& images,
    const std::filesystem::path& home,
    const std::function<void(const VisionConfig& config)>& fits = {});

} // namespace ma::experiments
