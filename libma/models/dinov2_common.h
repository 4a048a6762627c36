// What DINOv2 with and without registers share.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "libma/models/vision_config.h"
#include "libma/models/weights.h"

namespace ma {

VisionConfig read_dinov2(
    const nlohmann::json& config, const std::string& architecture);

/// Tensors below `root` ("dinov2.").
WeightLayout dinov2_layout(const std::string& root);

void read_dinov2_tensors(
    const std::map<std::string, TensorInfo>& tensors, VisionConfig& c);

} // namespace ma
