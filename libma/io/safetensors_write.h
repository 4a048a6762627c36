// Writing safetensors: small results that other tools are to read.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "libma/core/tensor.h"

namespace ma {

/// Writes `tensors` by name to `path` in one step, in the order of their names,
/// each in its own dtype; `metadata` goes under `__metadata__`. The same
/// tensors give the same bytes. Throws FileError when the file cannot be
/// written, ShapeError when a tensor's dtype is none of the format.
void save_safetensors(
    const std::filesystem::path& path,
    const std::map<std::string, torch::Tensor>& tensors,
    const std::map<std::string, std::string>& metadata = {});

} // namespace ma
