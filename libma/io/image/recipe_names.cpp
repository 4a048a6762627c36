// The recipes of configs/images.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/core/yaml.h"
#include "libma/io/image/builtin_recipes.h"
#include "libma/io/image/recipe.h"

namespace ma {
namespace {

std::array<double, 3> colors(const Yaml& yaml, std::string_view key) {
  const auto values = yaml.get<std::vector<double>>(key);
  if (values.size() != 3) {
    throw yaml[key].error("expected 3 numbers, red first");
  }
  return {values[0], values[1], values[2]};
}

/// The shortest edge, or height and width.
void read_resize(const Yaml& yaml, ImageRecipe& recipe) {
  if (!yaml.is_list()) {
    const auto edge = yaml.as<std::int64_t>(at_least(1));
    recipe.resize = ResizeKind::kShortestEdge;
    recipe.size = {edge, edge};
    return;
  }
  const auto sides = yaml.as<std::vector<std::int64_t>>(at_least(1));
  if (sides.size() != 2) {
    throw yaml.error("expected height and width");
  }
  recipe.resize = ResizeKind::kExact;
  recipe.size = {sides[0], sides[1]};
}

ImageRecipe read(std::string_view name, std::string_view text) {
  const Yaml yaml =
      Yaml::parse(text, "configs/images/" + std::string(name) + ".yaml");
  ImageRecipe recipe;
  recipe.name = name;
  read_resize(yaml["resize"], recipe);
  recipe.resample = resample_named(
      yaml.get<std::string>("resample"), yaml["resample"].place());
  if (const auto crop = yaml.find("crop")) {
    const auto edge = crop->as<std::int64_t>(at_least(1));
    recipe.crop = ImageSize{edge, edge};
  }
  recipe.mean = colors(yaml, "mean");
  recipe.std = colors(yaml, "std");
  yaml.reject_unknown();
  return recipe;
}

} // namespace

std::vector<std::string> image_recipe_names() {
  std::vector<std::string> names;
  for (const auto& entry : builtin_image_recipes()) {
    names.emplace_back(entry.first);
  }
  return names;
}

ImageRecipe named_image_recipe(const std::string& name) {
  for (const auto& [known, text] : builtin_image_recipes()) {
    if (known == name) {
      return read(known, text);
    }
  }
  throw UnknownNameError("image recipe", "recipe", name, image_recipe_names());
}

ImageRecipe image_recipe(const std::string& name_or_folder) {
  const auto names = image_recipe_names();
  std::error_code error;
  if (std::find(names.begin(), names.end(), name_or_folder) == names.end() &&
      std::filesystem::is_directory(name_or_folder, error)) {
    return image_recipe_of_folder(name_or_folder);
  }
  return named_image_recipe(name_or_folder);
}

} // namespace ma
