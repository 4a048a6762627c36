// Names and folders to recipes.
#include "bindings/recipe_arg.h"

namespace ma::python {

ImageRecipe resolve_recipe(const RecipeArg& recipe, const HookedModel& model) {
  if (!recipe) {
    return image_recipe_of_folder(model.files().front().parent_path());
  }
  const auto* const given = std::get_if<ImageRecipe>(&*recipe);
  return given != nullptr
             ? *given
             : image_recipe(std::get<std::filesystem::path>(*recipe).string());
}

} // namespace ma::python
