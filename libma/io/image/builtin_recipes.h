// The files of configs/images, compiled in so that they are found wherever
// libma runs.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace ma {

/// Name and text of each, in alphabetical order.
const std::vector<std::pair<std::string_view, std::string_view>>&
builtin_image_recipes();

} // namespace ma
