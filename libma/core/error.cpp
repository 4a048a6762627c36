// How error messages are put together.
#include "libma/core/error.h"

#include "libma/core/names.h"

namespace ma {
namespace {

std::string with_place(std::string_view where, std::string_view problem) {
  std::string message = "[";
  message.append(where).append("] ").append(problem);
  return message;
}

std::string unknown_name(
    std::string_view kind,
    std::string_view name,
    const std::vector<std::string>& known) {
  std::string problem = "no ";
  problem.append(kind).append(" named '").append(name).append("'; ");
  return problem + (known.empty()
                        ? "there are none"
                        : "nearest: " + join(nearest_names(name, known)));
}

} // namespace

Error::Error(std::string_view where, std::string_view problem)
    : std::runtime_error(with_place(where, problem)) {}

UnknownNameError::UnknownNameError(
    std::string_view where,
    std::string_view kind,
    std::string_view name,
    const std::vector<std::string>& known)
    : Error(where, unknown_name(kind, name, known)) {}

} // namespace ma
