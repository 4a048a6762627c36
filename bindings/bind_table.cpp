// Table: the form in which results are read.
#include "bindings/bindings.h"
#include <nlohmann/json.hpp>

#include "libma/core/table.h"

namespace ma::python {
namespace {

std::vector<std::string> headings(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns()) {
    names.push_back(
        column.unit.empty() ? column.name
                            : column.name + " (" + column.unit + ")");
  }
  return names;
}

} // namespace

void bind_table(py::module_& m) {
  py::class_<Estimate>(m, "Estimate", "A number with its standard error.")
      .def_readonly("value", &Estimate::value, "The number.")
      .def_readonly(
          "std_error", &Estimate::std_error, "In the same unit; NaN: none.")
      .def("__float__", [](const Estimate& self) { return self.value; })
      .def("__repr__", [](const Estimate& self) {
        return c10::str(self.value, " +- ", self.std_error);
      });
  py::class_<Table>(
      m, "Table", R"(Results: named columns, rows of numbers and words.

Printed as text, shown as a table by notebooks.

Example:
    >>> windows = ma.make_windows(list(range(64)), window=16)
    >>> table = ma.run_ablation(model, [ma.Condition("original")], [ma.PerplexityTask("counting", windows)])
    >>> table.columns[0], table.rows[0][0]
    ('condition', 'original')
)")
      .def_property_readonly(
          "columns", &headings, "Names of the columns, with units.")
      .def_property_readonly(
          "rows",
          [](const Table& self) { return self.rows(); },
          "Cells: str, int, float, Estimate or None.")
      .def(
          "at",
          [](const Table& self, std::size_t row, const std::string& column) {
            return self.at(row, column);
          },
          py::arg("row"),
          py::arg("column"),
          "The cell of a row (from 0) and a column (its name without unit).")
      .def("to_markdown", &Table::to_markdown, "A GitHub table.")
      .def("to_text", &Table::to_text, "Aligned with spaces, for a terminal.")
      .def("to_csv", &Table::to_csv, "RFC 4180, numbers in full.")
      .def(
          "to_json",
          [](const Table& self) { return self.to_json().dump(); },
          "JSON, numbers in full.")
      .def(
          "to_pandas",
          [](const Table& self) {
            using namespace py::
                literals; // NOLINT(google-build-using-namespace)
            const auto text =
                py::module_::import("io").attr("StringIO")(self.to_csv());
            return py::module_::import("pandas").attr("read_csv")(
                text,
                "keep_default_na"_a = false,
                "na_values"_a = py::make_tuple("", "nan"));
          },
          "A pandas.DataFrame with the columns of `to_csv`. Needs pandas.")
      .def("__len__", [](const Table& self) { return self.rows().size(); })
      .def("__repr__", &Table::to_text)
      .def("_repr_markdown_", &Table::to_markdown);
}

} // namespace ma::python
