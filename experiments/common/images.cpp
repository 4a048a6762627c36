// Sets of images from YAML.
#include "experiments/common/images.h"

#include "libma/core/error.h"
#include "libma/core/log.h"
#include "libma/io/sha256.h"

namespace ma::experiments {

ImageSettings read_images(
    const Yaml& yaml, const std::filesystem::path& folder) {
  ImageSettings settings;
  const auto located = [&](const std::string& path) {
    return path.empty() ? std::filesystem::path() : folder / path;
  };
  settings.path = located(yaml.get<std::string>("images"));
  settings.options.class_names =
      located(yaml.get_or<std::string>("class_names", ""));
  settings.options.per_class =
      yaml.get_or<std::int64_t>("per_class", 0, at_least(0));
  settings.options.limit = yaml.get_or<std::int64_t>("limit", 0, at_least(0));
  settings.recipe = yaml.get_or<std::string>("recipe", "");
  settings.batch = yaml.get_or<std::int64_t>("batch", 32, at_least(1));
  if (!settings.recipe.empty()) {
    image_recipe(settings.recipe); // throws on an unknown one
  }
  return settings;
}

ImageSource open_images(
    const ImageSettings& settings, const std::filesystem::path& model_folder) {
  return {
      .set = ImageSet::open(settings.path, settings.options),
      .recipe = settings.recipe.empty() ? image_recipe_of_folder(model_folder)
                                        : image_recipe(settings.recipe),
      .batch = settings.batch};
}

std::filesystem::path folder_of(const VisionModel& model) {
  return model.files().front().parent_path();
}

VisionModel load_vision_model(
    const ModelSettings& settings, const std::filesystem::path& home) {
  return ma::load_vision_model(
      settings.name,
      {.device = settings.device,
       .dtype = parse_dtype(settings.dtype, "model.dtype"),
       .home = home});
}

void log_left_out(const std::string& name, const ImageReport& report) {
  for (const std::string& problem : report.problems) {
    log::warn("left out: " + problem);
  }
  if (!report.problems.empty()) {
    log::warn(
        c10::str(
            name,
            ": ",
            report.problems.size(),
            " of ",
            report.n_read + static_cast<std::int64_t>(report.problems.size()),
            " images were left out"));
  }
}

std::string hash_images(const ImageSet& set) {
  if (std::filesystem::is_regular_file(set.path())) {
    return hash_files({set.path()}).begin()->second;
  }
  std::string listing;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::filesystem::path path = set.where(i);
    listing += c10::str(
        set.items()[static_cast<std::size_t>(i)].name,
        " ",
        std::filesystem::file_size(path),
        " ",
        std::filesystem::last_write_time(path).time_since_epoch().count(),
        "\n");
  }
  return sha256_hex(listing);
}

} // namespace ma::experiments
