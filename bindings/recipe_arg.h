// How images from Python are prepared, where a caller may leave that open.
#pragma once

#include <filesystem>
#include <optional>
#include <variant>

#include <pybind11/stl/filesystem.h>

#include "libma/io/image/recipe.h"
#include "libma/models/hooked_model.h"

namespace ma::python {

/// A recipe, its name or a folder that has one; none: that of the model's
/// folder.
using RecipeArg =
    std::optional<std::variant<ImageRecipe, std::filesystem::path>>;

/// The recipe that `recipe` stands for. Throws as image_recipe does.
ImageRecipe resolve_recipe(const RecipeArg& recipe, const HookedModel& model);

} // namespace ma::python
