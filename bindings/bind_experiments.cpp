// Experiments: the binaries' entry points.
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "experiments/builtin.h"

namespace ma::python {

void bind_experiments(py::module_& m) {
  m.def(
      "experiments",
      [] { return experiments::builtin().names(); },
      R"(Names of all experiments.

Example:
    >>> "ablation" in ma.experiments()
    True
)");
  m.def(
      "run_experiment",
      [](const std::string& name, const std::vector<std::string>& arguments) {
        const auto run = experiments::builtin().get(name, "run");
        const py::gil_scoped_release released;
        return run(arguments);
      },
      py::arg("name"),
      py::arg("arguments"),
      R"(Runs an experiment on its command line, as the binary of the same name does.

Args:
    name: One of `experiments()`.
    arguments: "CONFIG.yaml", "--set", "a.b=c", ...

Returns:
    The exit status: 0 success, 2 a user's error (one line on standard error), 1 a defect.

Raises:
    UnknownNameError: When there is no such experiment.

Example:
    >>> ma.run_experiment("ablation", ["--version"])
    0
)");
}

} // namespace ma::python
