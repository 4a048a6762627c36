// Massive activations of a vision model, found over images (Sun et al. 2024,
// section 5).
#pragma once

#include "libma/analysis/massive.h"
#include "libma/eval/find_massive.h"
#include "libma/eval/image_source.h"
#include "libma/models/vision_model.h"

namespace ma {

/// What was found, and how reading the images went.
struct ImageProfile {
  MassiveProfile profile;
  ImageReport images;
};

/// Streams the images through the model; the classes of its sites are "cls",
/// "register:k", "patch". Of `options`, criterion and progress count. Throws
/// FileError when no image could be read.
ImageProfile find_massive(
    const VisionModel& model,
    const ImageSource& source,
    const FindOptions& options = {});

} // namespace ma
