// How Python says where a model goes and in which dtype.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <torch/csrc/utils/pybind.h>

#include "libma/models/hooked_model.h"

namespace ma::python {

using DeviceArg = std::variant<std::string, std::vector<std::string>>;
using DtypeArg = std::variant<torch::ScalarType, std::string>;

/// The options of a loader; without `home`, the cache of the package. Throws
/// UnknownNameError, located at `where`, on an unknown dtype.
LoadOptions load_options(
    const std::string& where,
    const DeviceArg& device,
    const DtypeArg& dtype,
    const std::optional<std::filesystem::path>& home);

} // namespace ma::python
