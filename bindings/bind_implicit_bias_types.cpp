// What implicit_bias returns.
#include <optional>

#include "bindings/bindings.h"
#include "bindings/topics.h"

#include "libma/analysis/implicit_bias_tables.h"

namespace ma::python {
namespace {

/// A mean over sequences or sets, as a property.
template <class T, class Field>
auto mean_of(Field T::* field) {
  return [field](const T& self) { return (self.*field).mean; };
}

template <class T, class Field>
auto std_of(Field T::* field) {
  return [field](const T& self) { return (self.*field).std(); };
}

void bind_head(py::module_& m) {
  py::class_<HeadBias>(
      m,
      "HeadBias",
      "How constant u_k, what query k takes from the massive tokens, is in one "
      "head.")
      .def_property_readonly(
          "cos_mean",
          mean_of(&HeadBias::sequence_cosine),
          "Mean over sequences of the mean cosine of pairs of u_k; 1 where one "
          "token is massive.")
      .def_property_readonly(
          "cos_std",
          std_of(&HeadBias::sequence_cosine),
          "Its standard deviation over sequences (n - 1).")
      .def_readonly(
          "cos_between",
          &HeadBias::between_sequences,
          "Mean cosine of pairs of sequences' mean u.")
      .def_readonly(
          "cos_all",
          &HeadBias::cosine,
          "Mean cosine of pairs of u_k of all sequences.")
      .def_readonly(
          "dispersion",
          &HeadBias::dispersion,
          "RMS ||u_k - mean u|| / ||mean u|| over the queries of all "
          "sequences.")
      .def_property_readonly(
          "dispersion_mean",
          mean_of(&HeadBias::sequence_dispersion),
          "The same within a sequence, mean over sequences.")
      .def_readonly(
          "variance",
          &HeadBias::variance,
          "Mean ||u_k - mean u||^2 over the queries of all sequences.")
      .def_property_readonly(
          "null_mean",
          mean_of(&HeadBias::null_dispersion),
          "Mean over random sets of their dispersion.")
      .def_property_readonly(
          "null_std",
          std_of(&HeadBias::null_dispersion),
          "Its standard deviation over sets (n - 1).")
      .def_readonly(
          "p",
          &HeadBias::p_dispersion,
          "Share of random sets whose dispersion is as small; NaN without any.")
      .def_property_readonly(
          "null_cos_mean",
          mean_of(&HeadBias::null_cosine),
          "Mean over random sets of their cos_all.")
      .def_property_readonly(
          "null_cos_std",
          std_of(&HeadBias::null_cosine),
          "Its standard deviation over sets (n - 1).")
      .def_readonly(
          "p_cos",
          &HeadBias::p_cosine,
          "Share of random sets whose cos_all is as large; NaN without any.")
      .def_readonly("share", &HeadBias::share, "RMS ||u_k|| / RMS ||z_k||.")
      .def_readonly(
          "attention",
          &HeadBias::probability,
          "Mean attention on the massive tokens.")
      .def_readonly(
          "drain",
          &HeadBias::drain,
          "Mean ||v|| of massive tokens / mean ||v|| of the others.");
}

void bind_results(py::module_& m) {
  py::class_<LayerBias>(m, "LayerBias", "The implicit bias in one block.")
      .def_readonly("layer", &LayerBias::layer, "0-based block.")
      .def_readonly("heads", &LayerBias::heads, "One HeadBias per head.")
      .def_readonly(
          "dispersion",
          &LayerBias::dispersion,
          "RMS ||u_k - mean u|| / ||mean u|| of all heads as one vector.")
      .def_readonly(
          "share",
          &LayerBias::share,
          "RMS ||u_k|| / RMS ||z_k|| of all heads as one vector.");
  py::class_<ImplicitBias>(m, "ImplicitBias", "Result of `implicit_bias`.")
      .def_readonly("layers", &ImplicitBias::layers, "One LayerBias per block.")
      .def_readonly(
          "constants",
          &ImplicitBias::constants,
          "Mean u_k, float64 [layer, head, d_head].")
      .def_property_readonly(
          "other_constants",
          [](const ImplicitBias& self) -> std::optional<torch::Tensor> {
            return self.other_constants.defined()
                       ? std::optional(self.other_constants)
                       : std::nullopt;
          },
          "The same of the random sets together; None without any.")
      .def_readonly(
          "n_sequences",
          &ImplicitBias::n_sequences,
          "Sequences with a massive token.")
      .def_readonly(
          "n_without",
          &ImplicitBias::n_without,
          "Sequences without one, left out.")
      .def_readonly(
          "n_members",
          &ImplicitBias::n_members,
          "Massive tokens of all sequences.")
      .def_readonly(
          "n_queries",
          &ImplicitBias::n_queries,
          "Queries that count, of all sequences.")
      .def(
          "table",
          &bias_constancy_table,
          "One row per block and head, a Table.")
      .def("layers_table", &bias_layers_table, "One row per block, a Table.")
      .def(
          "to_pandas",
          [](const ImplicitBias& self) {
            return py::cast(bias_constancy_table(self)).attr("to_pandas")();
          },
          "One row per block and head, a pandas.DataFrame. Needs pandas.")
      .def("__repr__", [](const ImplicitBias& self) {
        return c10::str(
            "ImplicitBias(",
            self.layers.size(),
            " blocks, ",
            self.n_sequences,
            " sequences, ",
            self.n_queries,
            " queries)\n",
            bias_layers_table(self).to_text());
      });
}

} // namespace

void bind_implicit_bias_types(py::module_& m) {
  bind_head(m);
  bind_results(m);
}

} // namespace ma::python
