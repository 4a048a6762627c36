// Local trial.
#include <torch/csrc/utils/pybind.h>
#include "libma/core/names.h"
#include "libma/io/model_source.h"
PYBIND11_MODULE(_C, m) {
  m.def("nearest_names", &ma::nearest_names);
  m.def("relu", [](const at::Tensor& x) { return x.relu(); });
  m.def("find_model", [](const std::string& a, const std::string& b) { return ma::find_model(a, b).string(); });
}
