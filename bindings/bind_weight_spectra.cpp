// A model's parameters: names, values, spectra of matrices, gains of norms.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"

#include "libma/eval/weight_spectra.h"
#include "libma/models/parameters.h"

namespace ma::python {
namespace {

using Indices = std::vector<std::int64_t>;

void bind_spectrum(py::module_& m) {
  py::class_<SliceNorm>(
      m, "SliceNorm", "A row or column of a matrix among all of them.")
      .def_readonly("index", &SliceNorm::index, "Row or column.")
      .def_readonly("norm", &SliceNorm::norm, "L2.")
      .def_readonly(
          "median_norm", &SliceNorm::median_norm, "Of all rows (columns).")
      .def_readonly("rank", &SliceNorm::rank, "By norm, from 1.")
      .def_readonly("count", &SliceNorm::count, "Rows (columns) there are.")
      .def_readonly(
          "z", &SliceNorm::z, "(norm - mean) / standard deviation (n - 1).")
      .def_readonly(
          "max_over_mean",
          &SliceNorm::max_over_mean,
          "Largest |w| / mean |w| in it (An et al. 2025).")
      .def_readonly(
          "top_share",
          &SliceNorm::top_share,
          "Squared component of the first singular vector, of 1.");
  py::class_<MatrixSpectrum>(
      m, "MatrixSpectrum", "Result of `weight_spectrum`.")
      .def_readonly("rows", &MatrixSpectrum::rows, "Number of rows.")
      .def_readonly("columns", &MatrixSpectrum::columns, "Number of columns.")
      .def_readonly(
          "singular_values",
          &MatrixSpectrum::singular_values,
          "float64 [min(rows, columns)], descending.")
      .def_readonly("frobenius", &MatrixSpectrum::frobenius, "Frobenius norm.")
      .def_readonly(
          "stable_rank",
          &MatrixSpectrum::stable_rank,
          "frobenius^2 / sigma_1^2.")
      .def_readonly(
          "row_norms",
          &MatrixSpectrum::row_norms,
          "A SliceNorm for each row that was asked for.")
      .def_readonly(
          "column_norms",
          &MatrixSpectrum::column_norms,
          "A SliceNorm for each column that was asked for.");
  py::class_<WeightSpectrum>(
      m,
      "WeightSpectrum",
      "A matrix of a model that reads the stream, or writes to it.")
      .def_readonly("layer", &WeightSpectrum::layer, "0-based block.")
      .def_readonly(
          "name",
          &WeightSpectrum::name,
          "\"attn.out\", \"mlp.down\", \"mlp.gate\" or \"mlp.up\".")
      .def_readonly(
          "writes",
          &WeightSpectrum::writes,
          "Whether rows are dims of the stream; else columns are.")
      .def_readonly("spectrum", &WeightSpectrum::spectrum, "A MatrixSpectrum.");
  py::class_<NormGain>(
      m, "NormGain", "The gain of a norm at one dim among all of its gains.")
      .def_readonly(
          "layer", &NormGain::layer, "0-based block; -1: the final norm.")
      .def_readonly(
          "norm",
          &NormGain::norm,
          "\"ln1\", \"ln2\", \"ln1_post\", \"ln2_post\" or \"ln_final\".")
      .def_readonly("dim", &NormGain::dim, "Of the stream.")
      .def_readonly(
          "gain", &NormGain::gain, "As applied: with the offset of 1 + w.")
      .def_readonly(
          "median_gain", &NormGain::median_gain, "Median |gain| over dims.")
      .def_readonly("rank", &NormGain::rank, "By |gain|, from 1.")
      .def_readonly("count", &NormGain::count, "Dims.");
}

void bind_tables(py::module_& m) {
  m.def(
      "spectra_table",
      &spectra_table,
      py::arg("spectra"),
      py::arg("top") = 3,
      R"(One row for each WeightSpectrum, with `top` singular values; a Table.

Args:
    spectra: From `weight_spectra`.
    top: Singular values to show.
)");
  m.def(
      "slices_table",
      &slices_table,
      py::arg("spectra"),
      R"(One row for each dim and neuron that `weight_spectra` was asked for, of each matrix; a Table.

Args:
    spectra: From `weight_spectra`.
)");
  m.def(
      "gains_table",
      &gains_table,
      py::arg("gains"),
      R"(One row for each NormGain; a Table.

Args:
    gains: From `norm_gains`.
)");
}

void bind_parameters(py::module_& m) {
  m.def(
      "parameter_names",
      [](const BoundModel& model) { return ParameterReader(model).names(); },
      py::arg("model"),
      R"(Names of a model's parameters in the order of a forward pass; a tied output head is "embed.weight" alone.

Example:
    >>> ma.parameter_names(model)[:3]
    ['embed.weight', 'blocks.0.ln1.weight', 'blocks.0.attn.qkv.weight']
)");
  m.def(
      "read_parameter",
      [](const BoundModel& model, const std::string& name) {
        return ParameterReader(model).read(name);
      },
      py::arg("model"),
      py::arg("name"),
      R"(A copy of a parameter, read again from the model's files: a matrix [out, in], or [n]; the model's dtype, on the CPU.

Args:
    model: Loaded from files.
    name: As `parameter_names` lists it.

Raises:
    UnknownNameError: When there is none.

Example:
    >>> ma.read_parameter(model, "blocks.1.mlp.down.weight").shape
    torch.Size([32, 48])
)");
}

} // namespace

void bind_weight_spectra(py::module_& m) {
  bind_spectrum(m);
  bind_tables(m);
  bind_parameters(m);
  m.def(
      "weight_spectrum",
      [](const torch::Tensor& matrix,
         const Indices& rows,
         const Indices& columns) {
        const py::gil_scoped_release released;
        return matrix_spectrum(matrix, rows, columns);
      },
      py::arg("matrix"),
      py::kw_only(),
      py::arg("rows") = Indices{},
      py::arg("columns") = Indices{},
      R"(Singular values of a matrix, in float64, and how rows and columns stand out.

Args:
    matrix: Floating [rows, columns], such as `read_parameter` gives.
    rows: Those to look at.
    columns: Those to look at.

Example:
    >>> spectrum = ma.weight_spectrum(torch.eye(3), rows=[1])
    >>> spectrum.singular_values.tolist(), spectrum.stable_rank, spectrum.row_norms[0].norm
    ([1.0, 1.0, 1.0], 3.0, 1.0)
)");
  m.def(
      "weight_spectra",
      [](const BoundModel& model,
         const Indices& layers,
         const Indices& dims,
         const std::map<std::int64_t, Indices>& neurons,
         const std::optional<py::function>& progress) {
        const WeightSpectraOptions options{
            .layers = layers,
            .dims = dims,
            .neurons = neurons,
            .progress = progress_fn(progress)};
        return run_alone(model, [&] { return weight_spectra(model, options); });
      },
      py::arg("model"),
      py::kw_only(),
      py::arg("layers") = Indices{},
      py::arg("dims") = Indices{},
      py::arg("neurons") = std::map<std::int64_t, Indices>{},
      py::arg("progress") = py::none(),
      R"(Spectra of the matrices that write the stream and of those of the MLP that read it.

Args:
    model: Loaded from files.
    layers: 0-based blocks; empty: all.
    dims: Dims of the stream to look at.
    neurons: By block, neurons to look at.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A list of WeightSpectrum: of each block "attn.out", "mlp.down", "mlp.gate" and "mlp.up".

Example:
    >>> found = ma.weight_spectra(model, layers=[1], dims=[5], neurons={1: [7]})
    >>> [each.name for each in found]
    ['attn.out', 'mlp.down', 'mlp.gate', 'mlp.up']
)");
  m.def(
      "norm_gains",
      [](const BoundModel& model, const Indices& dims) {
        return run_alone(model, [&] { return norm_gains(model, dims); });
      },
      py::arg("model"),
      py::arg("dims"),
      R"(Gains at some dims of all norms of the stream, in the order of a forward pass.

Args:
    model: Loaded from files.
    dims: Of the stream.

Returns:
    A list of NormGain, empty where the architecture has none.

Example:
    >>> [(gain.layer, gain.norm) for gain in ma.norm_gains(model, [5])]
    [(0, 'ln1'), (0, 'ln2'), (1, 'ln1'), (1, 'ln2'), (-1, 'ln_final')]
)");
}

} // namespace ma::python
