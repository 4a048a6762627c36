// Reading `images`, and looking whether they are there.
#include "experiments/common/images.h"

#include <vector>

#include "experiments/common/problems.h"
#include "experiments/common/record.h"

#include "libma/core/log.h"
#include "libma/io/model_source.h"
#include "libma/io/sha256.h"
#include "libma/models/plan.h"

namespace ma::experiments {

namespace {

/// All that a recipe does, for hashes.
std::string describe(const ImageRecipe& recipe) {
  const auto size = [](const ImageSize& s) {
    return c10::str(s.height, "x", s.width);
  };
  auto text = c10::str(
      "\n",
      static_cast<int>(recipe.resize),
      " ",
      size(recipe.size),
      " ",
      static_cast<int>(recipe.resample),
      " ",
      recipe.crop ? size(*recipe.crop) : "none",
      " ",
      static_cast<int>(recipe.crop_rule),
      " ",
      recipe.rescale_factor);
  for (std::size_t i = 0; i < recipe.mean.size(); ++i) {
    text += c10::str(" ", recipe.mean[i], " ", recipe.std[i]);
  }
  return text;
}

} // namespace

VisionModel load_vision_model(
    const ModelSettings& model, const Run& run, std::int64_t n_test_registers) {
  return ma::load_vision_model(
      model.name,
      {.device = model.device,
       .dtype = parse_dtype(model.dtype, "model.dtype"),
       .home = run.home(),
       .n_test_registers = n_test_registers});
}

Findings findings_of(const VisionModel& model) {
  return {
      .device = model.devices(),
      .dtype = dtype_name(model.dtype()),
      .model_files = hash_files(model.files())};
}

ImagesSettings read_images(
    const Yaml& yaml, const std::filesystem::path& folder) {
  ImagesSettings settings;
  settings.path = folder / yaml.get<std::string>("path");
  if (const auto names = yaml.find("class_names")) {
    settings.set.class_names = folder / names->as<std::string>();
  }
  settings.set.per_class =
      yaml.get_or<std::int64_t>("per_class", 0, at_least(0));
  settings.set.limit = yaml.get_or<std::int64_t>("limit", 0, at_least(0));
  if (const auto recipe = yaml.find("recipe")) {
    settings.recipe = recipe->as<std::string>();
  }
  settings.loader.batch =
      yaml.get_or<std::int64_t>("batch", settings.loader.batch, at_least(1));
  settings.loader.workers = yaml.get_or<std::int64_t>(
      "workers", settings.loader.workers, at_least(0));
  return settings;
}

ImageRecipe find_recipe(
    const ImagesSettings& settings,
    const std::string& model,
    const std::filesystem::path& home) {
  return settings.recipe.empty()
             ? image_recipe_of_folder(find_model(model, home))
             : image_recipe(settings.recipe);
}

ImageSource open_images(
    const ImagesSettings& settings,
    const std::string& model,
    const std::filesystem::path& home) {
  return {
      .set = ImageSet::open(settings.path, settings.set),
      .recipe = find_recipe(settings, model, home),
      .loader = settings.loader};
}

void log_left_out(const std::string& name, const ImageReport& report) {
  for (const std::string& problem : report.problems) {
    log::warn("left out: " + problem);
  }
  if (!report.problems.empty()) {
    const auto n_left_out = static_cast<std::int64_t>(report.problems.size());
    log::warn(
        c10::str(
            name,
            ": ",
            n_left_out,
            " of ",
            report.n_read + n_left_out,
            " images were left out"));
  }
}

std::string hash_images(const ImageSource& source) {
  const ImageSet& set = source.set;
  const bool is_archive = std::filesystem::is_regular_file(set.path());
  std::string listing =
      is_archive ? hash_files({set.path()}).begin()->second : std::string();
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const ImageItem& item = set.items()[static_cast<std::size_t>(i)];
    listing += c10::str("\n", item.name, " ", item.label);
    if (!is_archive) {
      const std::filesystem::path path = set.where(i);
      listing += c10::str(
          " ",
          std::filesystem::file_size(path),
          " ",
          std::filesystem::last_write_time(path).time_since_epoch().count());
    }
  }
  return sha256_hex(listing + describe(source.recipe));
}

nlohmann::json describe_images(
    const ImageSource& source, const ImageLoader& loader) {
  return {
      {"path", source.set.path().string()},
      {"recipe", source.recipe.name},
      {"sha256", hash_images(source)},
      {"listed", source.set.size()},
      {"read", loader.n_read()},
      {"problems", loader.problems()}};
}

void check_vision_model(
    const ModelSettings& model,
    const std::vector<ImagesSettings>& images,
    const std::filesystem::path& home,
    const std::function<void(const VisionConfig&)>& fits) {
  Checks checks;
  checks.attempt([&] {
    const auto plan = plan_vision_model(
        model.name,
        {.device = model.device,
         .dtype = parse_dtype(model.dtype, "dtype"),
         .home = home});
    log::info(model.name + ": " + plan.describe());
    if (fits) {
      fits(plan.config);
    }
  });
  for (const ImagesSettings& each : images) {
    checks.attempt([&] { find_recipe(each, model.name, home); });
    checks.attempt([&] {
      const auto set = ImageSet::open(each.path, each.set);
      log::info(c10::str(each.path.string(), ": ", set.size(), " images"));
    });
  }
  checks.finish();
}

} // namespace ma::experiments
