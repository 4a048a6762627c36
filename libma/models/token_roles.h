// Names for the tokens of an image: "cls", "distillation", "register:0",
// "patch:3,4".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libma/hooks/token_class.h"
#include "libma/models/vision_config.h"

namespace ma {

/// What the token at `position` of an image of `grid` patches is; registers,
/// rows and columns count from 0. Throws ShapeError on a position outside it.
std::string token_role(
    const VisionConfig& config,
    const nn::PatchGrid& grid,
    std::int64_t position);

/// The position of the token that token_role calls `role`. Throws
/// UnknownNameError, located at `where`, on another name, ConfigError when an
/// index is outside the image.
std::int64_t token_position(
    const VisionConfig& config,
    const nn::PatchGrid& grid,
    const std::string& role,
    std::string_view where);

/// The classes of the tokens before the patches, in the order in which they
/// stand.
std::vector<TokenClass> prefix_classes(const VisionConfig& config);

/// The kinds of tokens that a model has, in the order in which they stand:
/// "cls", "distillation", "register:0", ..., "patch".
std::vector<std::string> token_kinds(const VisionConfig& config);

} // namespace ma
