// Conversion of a loader's arguments.
#include "bindings/load_options_arg.h"

#include <pybind11/stl/filesystem.h>

#include "libma/core/names.h"

namespace ma::python {

LoadOptions load_options(
    const std::string& where,
    const DeviceArg& device,
    const DtypeArg& dtype,
    const std::optional<std::filesystem::path>& home) {
  const auto* one = std::get_if<std::string>(&device);
  const auto* name = std::get_if<std::string>(&dtype);
  return {
      .device = one != nullptr
                    ? *one
                    : join(std::get<std::vector<std::string>>(device), ","),
      .dtype = name != nullptr ? parse_dtype(*name, where)
                               : std::get<torch::ScalarType>(dtype),
      .home = home ? *home
                   : py::module_::import("libma.cache")
                         .attr("home_folder")()
                         .cast<std::filesystem::path>()};
}

} // namespace ma::python
